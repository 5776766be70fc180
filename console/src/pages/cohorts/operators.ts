/** How a property may be compared, in words. */
export const OPERATORS = [
  { value: "is", label: "is" },
  { value: "is_not", label: "is not" },
  { value: "contains", label: "contains" },
  { value: "does_not_contain", label: "does not contain" },
  { value: "starts_with", label: "starts with" },
  { value: "does_not_start_with", label: "does not start with" },
  { value: "greater", label: "is greater than" },
  { value: "greater_or_equal", label: "is at least" },
  { value: "less", label: "is less than" },
  { value: "less_or_equal", label: "is at most" },
  { value: "set_is", label: "is exactly the list" },
  { value: "set_is_not", label: "is not exactly the list" },
  { value: "set_contains", label: "is a list with all of" },
  { value: "set_does_not_contain", label: "is a list without" },
  { value: "glob_match", label: "fits the pattern" },
  { value: "glob_does_not_match", label: "does not fit the pattern" },
];

export const COMPARISONS = [
  { value: ">=", label: "at least" },
  { value: ">", label: "more than" },
  { value: "=", label: "exactly" },
  { value: "<=", label: "at most" },
  { value: "<", label: "fewer than" },
  { value: "!=", label: "not exactly" },
];

/** Of what a number is compared, beside one and beside more. */
export const MEASURES = [
  { value: "count", one: "time", more: "times" },
  { value: "days", one: "different day", more: "different days" },
  { value: "nth", one: "as the number of the time", more: "as the number of the time" },
  { value: "sum", one: "in the sum of", more: "in the sum of" },
  { value: "average", one: "on average of", more: "on average of" },
  { value: "minimum", one: "as the smallest", more: "as the smallest" },
  { value: "maximum", one: "as the largest", more: "as the largest" },
  { value: "distinct", one: "different value of", more: "different values of" },
];
