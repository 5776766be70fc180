/** The rows of an identity map as the form has them, and as the API writes them. Pure. */

/** `kind` is `user_id`, `device_id`, or what a name follows: `user`, `event`, `column`. */
export interface Row {
  key: number;
  kind: string;
  name: string;
  idType: string;
  take: "latest" | "all";
}

export const KINDS = [
  { value: "user_id", label: "User ID" },
  { value: "device_id", label: "Device ID" },
  { value: "user", label: "User property" },
  { value: "event", label: "Event property" },
  { value: "column", label: "Column of a list" },
];

/** A rule that holds for everybody: they have a country, or they have none. */
export const EVERYBODY = { any: [{ "user.country": { is: ["(none)"] } }, { "user.country": { is_not: ["(none)"] } }] };

/** Why values are not sent: "27 are hashed". */
export const REASONS: Record<string, string> = {
  missing: "have none",
  placeholder: "hold a word that stands for nothing",
  zeroed: "are all zeros",
  hashed: "are hashed",
  token: "are tokens instead of raw values",
  raw_pii: "are e-mail addresses or phone numbers, never sent",
  bad_format: "have another form",
  suppressed: "said no",
};

const BARE = new Set(["user_id", "device_id"]);

export function needsName(kind: string): boolean {
  return !BARE.has(kind);
}

/** `user.advertising_id=DAID:all` */
export function written(row: Row): string {
  const source = needsName(row.kind) ? `${row.kind}.${row.name.trim()}` : row.kind;
  return `${source}=${row.idType}${row.take === "all" ? ":all" : ""}`;
}

/** A row of a saved account. */
export function rowOf(key: number, source: string, idType: string, take: string): Row {
  const [kind = "", ...rest] = source.split(".");
  return { key, kind, name: rest.join("."), idType, take: take === "all" ? "all" : "latest" };
}

/** `user.advertising_id` as people read it. */
export function sourceLabel(source: string): string {
  const { kind, name } = rowOf(0, source, "", "");
  return needsName(kind) ? name : (KINDS.find((each) => each.value === kind)?.label ?? source);
}

/** An id made of a name, that none of these has. */
export function idFrom(name: string, taken: string[], otherwise = "account"): string {
  const plain = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  const base = plain.slice(0, 50).replace(/^-+|-+$/g, "") || otherwise;
  let id = base;
  for (let next = 2; taken.includes(id); next += 1) id = `${base}-${next}`;
  return id;
}
