/** A behavioural rule as the builder holds it; `document.ts` says how the API writes it. Pure. */

export interface Condition {
  key: number;
  property: string;
  operator: string;
  values: string[];
}

/** `first_use` counts from each person's first event; `offset` ends the last days so many days ago, `complete` leaves today out. */
export interface Window {
  kind: "ever" | "last" | "between" | "since" | "first_use";
  number: number;
  unit: "day" | "week" | "hour";
  offset: number;
  complete: boolean;
  first: string;
  until: string;
}

/** `bare` groups stand for their one rule alone, as it was written. */
export interface Group {
  kind: "group";
  key: number;
  mode: "all" | "any";
  not: boolean;
  bare?: boolean;
  rules: Rule[];
}

export type Measure = "count" | "days" | "sum" | "average" | "minimum" | "maximum" | "distinct" | "nth";

/** `of` is the property that is measured, where one is; `each` asks it of every day or week of the window. */
export interface Did {
  kind: "did";
  key: number;
  event: string;
  never: boolean;
  where: Condition[];
  measure: Measure;
  of: string;
  comparison: string;
  number: string;
  each: "" | "day" | "week";
  window: Window;
}

/** One event of several; `within` is a length of time such as "30 minutes", or nothing. */
export interface Step {
  key: number;
  event: string;
  where: Condition[];
  within: string;
}

export interface MoreOften {
  kind: "more_often";
  key: number;
  steps: Step[];
  window: Window;
}

/** `dropped` is the number of the last step that was done, where the next must not follow. */
export interface Sequence {
  kind: "sequence";
  key: number;
  steps: Step[];
  within: string;
  without: Step[];
  holding: string[];
  dropped: number | null;
  window: Window;
}

export interface Life {
  kind: "life";
  key: number;
  word: "new" | "inactive" | "returned";
  window: Window;
  away: number;
}

export interface Has {
  kind: "user";
  key: number;
  property: string;
  operator: string;
  values: string[];
  told: "now" | "latest" | "ever";
  window: Window;
}

export interface Nested {
  kind: "cohort";
  key: number;
  cohort: string;
  not: boolean;
}

export interface Sample {
  kind: "sample";
  key: number;
  percent: string;
  salt: string;
}

/** What the builder has no fields for stays as it was written. */
export interface Kept {
  kind: "kept";
  key: number;
  document: Document;
}

export type Clause = Did | MoreOften | Sequence | Life | Has | Nested | Sample | Kept;
export type Rule = Group | Clause;
export type Document = Record<string, unknown>;

export const ANY_EVENT = "(any event)";

/** Measures that look at a property. */
export const OF_PROPERTY = new Set<Measure>(["sum", "average", "minimum", "maximum", "distinct"]);

let keys = 0;

/** A number that no other part of a rule has in this window. */
export function key(): number {
  keys += 1;
  return keys;
}

export const lastDays = (number: number): Window => ({
  kind: "last",
  number,
  unit: "day",
  offset: 0,
  complete: false,
  first: "",
  until: "",
});
export const ever = (): Window => ({ ...lastDays(30), kind: "ever" });

export const did = (event = ""): Did => ({
  kind: "did",
  key: key(),
  event,
  never: false,
  where: [],
  measure: "count",
  of: "",
  comparison: ">=",
  number: "1",
  each: "",
  window: lastDays(30),
});
export const step = (event = ""): Step => ({ key: key(), event, where: [], within: "" });
export const moreOften = (): MoreOften => ({ kind: "more_often", key: key(), steps: [step(), step()], window: lastDays(30) });
export const sequence = (): Sequence => ({
  kind: "sequence",
  key: key(),
  steps: [step(), step()],
  within: "",
  without: [],
  holding: [],
  dropped: null,
  window: lastDays(30),
});
export const life = (word: Life["word"]): Life => ({ kind: "life", key: key(), word, window: lastDays(7), away: 30 });
export const has = (): Has => ({
  kind: "user",
  key: key(),
  property: "",
  operator: "is",
  values: [],
  told: "now",
  window: ever(),
});
export const nested = (): Nested => ({ kind: "cohort", key: key(), cohort: "", not: false });
export const sample = (): Sample => ({ kind: "sample", key: key(), percent: "10", salt: "" });
export const group = (rules: Rule[], mode: "all" | "any" = "all"): Group => ({
  kind: "group",
  key: key(),
  mode,
  not: false,
  rules,
});
export const condition = (): Condition => ({ key: key(), property: "", operator: "is", values: [] });

/** Whether a group stands for its one rule alone. */
export function isBare(rule: Group): boolean {
  return rule.bare === true && rule.rules.length === 1;
}

/** Whether nothing is missing that the API would ask for. */
export function complete(rule: Rule): boolean {
  switch (rule.kind) {
    case "group":
      return rule.rules.some(complete);
    case "did":
      return (
        rule.event !== "" &&
        rule.where.every(conditionComplete) &&
        (!OF_PROPERTY.has(rule.measure) || rule.never || rule.of !== "") &&
        rule.number.trim() !== "" &&
        windowComplete(rule.window)
      );
    case "more_often":
      return rule.steps.every(stepComplete) && windowComplete(rule.window);
    case "sequence":
      return rule.steps.length > 1 && [...rule.steps, ...rule.without].every(stepComplete) && windowComplete(rule.window);
    case "life":
      return windowComplete(rule.window) && (rule.word !== "returned" || rule.away > 0);
    case "user":
      return rule.property !== "" && rule.values.length > 0 && (rule.told === "now" || windowComplete(rule.window));
    case "cohort":
      return rule.cohort !== "";
    case "sample":
      return Number(rule.percent) > 0 && Number(rule.percent) <= 100 && rule.salt.trim() !== "";
    case "kept":
      return true;
  }
}

/** The rule without what is not complete yet; null where nothing is left. */
export function pruned(rule: Rule): Rule | null {
  if (!complete(rule)) return null;
  if (rule.kind !== "group") return rule;
  return { ...rule, rules: rule.rules.map(pruned).filter((each) => each !== null) };
}

/** How many clauses are not complete yet. */
export function unfinished(rule: Rule): number {
  if (rule.kind === "group") return rule.rules.reduce((sum, each) => sum + unfinished(each), 0);
  return complete(rule) ? 0 : 1;
}

function conditionComplete(each: Condition): boolean {
  return each.property !== "" && each.values.length > 0;
}

function stepComplete(each: Step): boolean {
  return each.event !== "" && each.where.every(conditionComplete);
}

function windowComplete(window: Window): boolean {
  if (window.kind === "between") return window.first !== "" && window.until > window.first;
  if (window.kind === "since") return window.first !== "";
  return window.kind === "ever" || window.number > 0;
}
