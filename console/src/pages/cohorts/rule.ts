/** A behavioural rule as the builder holds it, and as the API writes it. Pure. */

export interface Condition {
  key: number;
  property: string;
  operator: string;
  values: string[];
}

export interface Window {
  kind: "ever" | "last" | "between" | "since";
  days: number;
  first: string;
  until: string;
}

export interface Group {
  kind: "group";
  key: number;
  mode: "all" | "any";
  not: boolean;
  rules: Rule[];
}

export interface Did {
  kind: "did";
  key: number;
  event: string;
  never: boolean;
  where: Condition[];
  comparison: string;
  number: number;
  window: Window;
}

export interface Has {
  kind: "user";
  key: number;
  property: string;
  operator: string;
  values: string[];
}

export interface Nested {
  kind: "cohort";
  key: number;
  cohort: string;
  not: boolean;
}

export type Clause = Did | Has | Nested;
export type Rule = Group | Clause;
export type Document = Record<string, unknown>;

const AT_LEAST_ONCE = { comparison: ">=", number: 1 };

let keys = 0;

/** A number that no other part of a rule has in this window. */
export function key(): number {
  keys += 1;
  return keys;
}

export const did = (): Did => ({
  kind: "did",
  key: key(),
  event: "",
  never: false,
  where: [],
  ...AT_LEAST_ONCE,
  window: lastDays(30),
});
export const has = (): Has => ({ kind: "user", key: key(), property: "", operator: "is", values: [] });
export const nested = (): Nested => ({ kind: "cohort", key: key(), cohort: "", not: false });
export const group = (rules: Rule[], mode: "all" | "any" = "all"): Group => ({
  kind: "group",
  key: key(),
  mode,
  not: false,
  rules,
});
export const condition = (): Condition => ({ key: key(), property: "", operator: "is", values: [] });

/** Whether nothing is missing that the API would ask for. */
export function complete(rule: Rule): boolean {
  switch (rule.kind) {
    case "group":
      return rule.rules.some(complete);
    case "did":
      return (
        rule.event !== "" &&
        rule.where.every((each) => each.property !== "" && each.values.length > 0) &&
        windowComplete(rule.window)
      );
    case "user":
      return rule.property !== "" && rule.values.length > 0;
    case "cohort":
      return rule.cohort !== "";
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

/** As YAML has it. */
export function written(rule: Rule): Document {
  switch (rule.kind) {
    case "group": {
      const inner = { [rule.mode]: rule.rules.map(written) };
      return rule.not ? { not: inner } : inner;
    }
    case "did":
      return writtenDid(rule);
    case "user":
      return { [`user.${rule.property}`]: { [rule.operator]: rule.values } };
    case "cohort":
      return { [rule.not ? "not_in_cohort" : "in_cohort"]: rule.cohort };
  }
}

/** The rule that a document of the API states; its outermost part is a group. */
export function read(who: Document): Group {
  const rule = readRule(who);
  return rule.kind === "group" ? rule : group([rule]);
}

function writtenDid(rule: Did): Document {
  const document: Document = { [rule.never ? "did_not" : "did"]: rule.event };
  if (rule.where.length)
    document.where = rule.where.map((each) => ({ [`event.${each.property}`]: { [each.operator]: each.values } }));
  const once = rule.comparison === AT_LEAST_ONCE.comparison && rule.number === AT_LEAST_ONCE.number;
  if (!rule.never && !once) document.count = `${rule.comparison} ${rule.number}`;
  const { kind, days, first, until } = rule.window;
  if (kind === "last") document.in = { last: `${days} days` };
  if (kind === "between") document.in = { between: [first, until] };
  if (kind === "since") document.in = { since: first };
  return document;
}

function readRule(document: Document): Rule {
  const word =
    Object.keys(document).find((name) => /^(all|any|not|did|did_not|in_cohort|not_in_cohort|user\..*)$/.test(name)) ?? "";
  const value = document[word];
  if (word === "all" || word === "any") return group((value as Document[]).map(readRule), word);
  if (word === "not") {
    const inner = readRule(value as Document);
    return inner.kind === "group" && !inner.not ? { ...inner, not: true } : { ...group([inner]), not: true };
  }
  if (word === "did" || word === "did_not") return readDid(document, String(value), word === "did_not");
  if (word === "in_cohort" || word === "not_in_cohort")
    return { ...nested(), cohort: String(value), not: word === "not_in_cohort" };
  const [operator = "is", values = []] = Object.entries(value as Record<string, unknown>)[0] ?? [];
  return { ...has(), property: word.replace(/^user\./, ""), operator, values: texts(values) };
}

function readDid(document: Document, event: string, never: boolean): Did {
  const [, comparison = ">=", number = "1"] = /^(\S+)\s+(\d+)$/.exec(String(document.count ?? ">= 1")) ?? [];
  const parts = Array.isArray(document.where) ? document.where : document.where ? [document.where] : [];
  const where = parts.flatMap((part) =>
    Object.entries(part as Record<string, Record<string, unknown>>).flatMap(([name, conditions]) =>
      Object.entries(conditions).map(([operator, values]) => ({
        ...condition(),
        property: name.replace(/^event\./, ""),
        operator,
        values: texts(values),
      })),
    ),
  );
  return {
    ...did(),
    event,
    never,
    where,
    comparison,
    number: Number(number),
    window: readWindow(document.in as Document | undefined),
  };
}

function readWindow(document: Document | undefined): Window {
  const none = { ...lastDays(30), kind: "ever" as const };
  if (!document) return none;
  if ("last" in document)
    return lastDays(Number.parseInt(String(document.last), 10) * (/week/.test(String(document.last)) ? 7 : 1));
  if ("since" in document) return { ...none, kind: "since", first: String(document.since) };
  const [first, until] = document.between as [string, string];
  return { ...none, kind: "between", first, until };
}

function lastDays(days: number): Window {
  return { kind: "last", days, first: "", until: "" };
}

function windowComplete(window: Window): boolean {
  if (window.kind === "between") return window.first !== "" && window.until > window.first;
  if (window.kind === "since") return window.first !== "";
  return window.kind === "ever" || window.days > 0;
}

function texts(values: unknown): string[] {
  return (Array.isArray(values) ? values : [values]).map(String);
}
