/** Rules as the API and YAML write them: what is read and not touched is written back as it was. Pure. */
import {
  type Condition,
  condition,
  type Did,
  type Document,
  did,
  ever,
  type Group,
  group,
  type Has,
  has,
  isBare,
  key,
  type Life,
  lastDays,
  life,
  type Measure,
  moreOften,
  nested,
  OF_PROPERTY,
  type Rule,
  type Sequence,
  type Step,
  sample,
  sequence,
  step,
  type Window,
} from "./rule";

/** As YAML has it. */
export function written(rule: Rule): Document {
  switch (rule.kind) {
    case "group":
      return writtenGroup(rule);
    case "did":
      return writtenDid(rule);
    case "more_often":
      return { more_often: rule.steps.map(writtenStep), ...writtenWindow(rule.window) };
    case "sequence":
      return writtenSequence(rule);
    case "life":
      return {
        [rule.word]: writtenWindow(rule.window).in,
        ...(rule.word === "returned" ? { away: many(rule.away, "day") } : {}),
      };
    case "user":
      return writtenHas(rule);
    case "cohort":
      return { [rule.not ? "not_in_cohort" : "in_cohort"]: rule.cohort };
    case "sample":
      return { sample: { percent: rule.percent.trim(), salt: rule.salt } };
    case "kept":
      return rule.document;
  }
}

/** The rule that a document of the API states; its outermost part is a group. */
export function read(who: Document): Group {
  const rule = readRule(who);
  return rule.kind === "group" ? rule : { ...group([rule]), bare: true };
}

function writtenGroup(rule: Group): Document {
  const [only] = rule.rules;
  const inner = isBare(rule) && only ? written(only) : { [rule.mode]: rule.rules.map(written) };
  return rule.not ? { not: inner } : inner;
}

function writtenDid(rule: Did): Document {
  const compared = `${rule.comparison} ${rule.number.trim()}`;
  const document: Document = { [rule.never ? "did_not" : "did"]: rule.event, ...writtenWhere(rule.where) };
  if (!rule.never) {
    if (OF_PROPERTY.has(rule.measure)) document[rule.measure] = { [`event.${rule.of}`]: compared };
    else if (rule.measure !== "count" || compared !== ">= 1") document[rule.measure] = compared;
  }
  return { ...document, ...writtenWindow(rule.window), ...(rule.each && !rule.never ? { each: rule.each } : {}) };
}

function writtenSequence(rule: Sequence): Document {
  const found: Document = { steps: rule.steps.map(writtenStep) };
  if (rule.within) found.within = rule.within;
  if (rule.without.length) found.without = rule.without.map(writtenStep);
  if (rule.holding.length) found.holding = rule.holding.map((name) => `event.${name}`);
  if (rule.dropped !== null) found.dropped_after = rule.dropped;
  return { sequence: found, ...writtenWindow(rule.window) };
}

function writtenHas(rule: Has): Document {
  const said = { [`user.${rule.property}`]: { [rule.operator]: rule.values } };
  return rule.told === "now" ? said : { ...said, told: rule.told, ...writtenWindow(rule.window) };
}

function writtenStep({ event, where, within }: Step): Document {
  return { did: event, ...writtenWhere(where), ...(within ? { within } : {}) };
}

/** One mapping where that keeps order and repetition, else a list of mappings. */
function writtenWhere(where: Condition[]): Document {
  if (!where.length) return {};
  const merged: Record<string, Record<string, string[]>> = {};
  for (const each of where) {
    const name = `event.${each.property}`;
    merged[name] = { ...merged[name], [each.operator]: each.values };
  }
  const back = Object.entries(merged).flatMap(([name, entry]) => Object.keys(entry).map((operator) => `${name} ${operator}`));
  const same = back.join("\n") === where.map((each) => `event.${each.property} ${each.operator}`).join("\n");
  return { where: same ? merged : where.map((each) => ({ [`event.${each.property}`]: { [each.operator]: each.values } })) };
}

function writtenWindow({ kind, number, unit, offset, complete, first, until }: Window): { in?: Document } {
  switch (kind) {
    case "ever":
      return {};
    case "last": {
      const last = many(number, unit);
      if (unit === "hour") return { in: { last } };
      return { in: { last, ...(offset ? { offset: many(offset, "day") } : complete ? { complete: true } : {}) } };
    }
    case "between":
      return { in: { between: [first, until] } };
    case "since":
      return { in: { since: first } };
    case "first_use":
      return { in: { first_use: many(number, unit === "hour" ? "day" : unit) } };
  }
}

/** What cannot be shown without losing a part of it is kept as it is. */
function readRule(document: Document): Rule {
  const rule = understood(document);
  if (rule && same(written(rule), document)) return rule;
  return { kind: "kept", key: key(), document };
}

const WORD = /^(all|any|not|did|did_not|more_often|sequence|new|inactive|returned|in_cohort|not_in_cohort|sample|user\..+)$/;

function understood(document: Document): Rule | null {
  const word = Object.keys(document).find((name) => WORD.test(name)) ?? "";
  const value = document[word];
  if (word === "all" || word === "any") return Array.isArray(value) ? group(value.map(readRule), word) : null;
  if (word === "not") return refused(value as Document);
  if (word === "did" || word === "did_not") return readDid(document, String(value), word === "did_not");
  if (word === "more_often") return { ...moreOften(), steps: list(value).map(readStep), window: readWindow(document.in) };
  if (word === "sequence") return readSequence(value as Document, document.in);
  if (word === "new" || word === "inactive" || word === "returned") return readLife(word, value, document.away);
  if (word === "in_cohort" || word === "not_in_cohort")
    return { ...nested(), cohort: String(value), not: word === "not_in_cohort" };
  if (word === "sample") {
    const { percent, salt } = value as Document;
    return { ...sample(), percent: String(percent), salt: String(salt) };
  }
  if (word.startsWith("user.")) return readHas(document, word, value);
  return null;
}

function refused(value: Document): Group {
  const inner = readRule(value);
  return inner.kind === "group" && !inner.not ? { ...inner, not: true } : { ...group([inner]), not: true, bare: true };
}

const MEASURES: Measure[] = ["count", "days", "sum", "average", "minimum", "maximum", "distinct", "nth"];

function readDid(document: Document, event: string, never: boolean): Did {
  const measure = MEASURES.find((name) => name in document) ?? "count";
  const entry = document[measure] ?? ">= 1";
  const [name, compared] = typeof entry === "object" ? (Object.entries(entry as Document)[0] ?? ["", ""]) : ["", entry];
  const [, comparison = ">=", number = "1"] = /^(\S+)\s+(\S+)$/.exec(String(compared)) ?? [];
  const each = document.each === "day" || document.each === "week" ? document.each : "";
  const of = name.replace(/^event\./, "");
  const where = readWhere(document.where);
  return { ...did(event), never, where, measure, of, comparison, number, each, window: readWindow(document.in) };
}

function readStep(value: unknown): Step {
  const document = value as Document;
  return {
    ...step(String(document.did)),
    where: readWhere(document.where),
    within: typeof document.within === "string" ? document.within : "",
  };
}

function readSequence(found: Document, window: unknown): Sequence {
  return {
    ...sequence(),
    steps: list(found.steps).map(readStep),
    within: typeof found.within === "string" ? found.within : "",
    without: list(found.without).map(readStep),
    holding: list(found.holding).map((name) => String(name).replace(/^event\./, "")),
    dropped: found.dropped_after === undefined ? null : Number(found.dropped_after),
    window: readWindow(window),
  };
}

function readLife(word: Life["word"], value: unknown, away: unknown): Life {
  return { ...life(word), window: readWindow(value), away: length(away)?.number ?? 30 };
}

function readHas(document: Document, word: string, value: unknown): Has {
  const [operator = "is", values = []] = Object.entries((value ?? {}) as Document)[0] ?? [];
  const told = document.told === "latest" || document.told === "ever" ? document.told : "now";
  const property = word.replace(/^user\./, "");
  return { ...has(), property, operator, values: texts(values), told, window: readWindow(document.in) };
}

function readWhere(where: unknown): Condition[] {
  const parts = Array.isArray(where) ? where : where ? [where] : [];
  return parts.flatMap((part) =>
    Object.entries(part as Record<string, Document>).flatMap(([name, conditions]) =>
      Object.entries(conditions).map(([operator, values]) => ({
        ...condition(),
        property: name.replace(/^event\./, ""),
        operator,
        values: texts(values),
      })),
    ),
  );
}

function readWindow(value: unknown): Window {
  if (!value) return ever();
  const document = value as Document;
  const lasts = length(document.last ?? document.first_use);
  if (lasts) {
    const kind = "last" in document ? "last" : "first_use";
    const offset = length(document.offset)?.number ?? 0;
    return { ...lastDays(lasts.number), kind, unit: lasts.unit, offset, complete: document.complete === true };
  }
  if ("since" in document) return { ...ever(), kind: "since", first: String(document.since) };
  const [first, until] = list(document.between).map(String);
  return { ...ever(), kind: "between", first: first ?? "", until: until ?? "" };
}

function length(value: unknown): { number: number; unit: Window["unit"] } | null {
  const found = /^(\d+) (day|week|hour)s?$/.exec(String(value ?? ""));
  return found ? { number: Number(found[1]), unit: found[2] as Window["unit"] } : null;
}

function many(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

function texts(values: unknown): string[] {
  return (Array.isArray(values) ? values : [values]).map(String);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Whether two documents say the same; the order of the entries of a mapping says nothing. */
function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort()
      .map(([name, entry]) => [name, sorted(entry)]),
  );
}
