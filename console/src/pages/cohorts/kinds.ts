/** The kinds of cohort as people call them. */
export const kinds: Record<string, string> = {
  behavioural: "Behaviour",
  static: "List",
  sql: "SQL",
  amplitude: "From Amplitude",
  webhook: "Pushed",
  lookalike: "Lookalike",
};
