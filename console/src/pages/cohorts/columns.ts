/** Columns of a list or a SELECT, as a form has them and as a definition has them. Pure but for the file that is read. */

export interface Column {
  key: number;
  name: string;
  idType: string;
}

export interface Columns {
  people: string;
  identifiers: Column[];
}

let keys = 0;

export function fresh(name = "", idType = "DAID"): Column {
  keys += 1;
  return { key: keys, name, idType };
}

/** Whether there is at least one way to know who is meant. */
export function complete({ people, identifiers }: Columns): boolean {
  return (people.trim() !== "" || identifiers.length > 0) && identifiers.every((each) => each.name.trim() !== "");
}

/** As YAML has them. */
export function written({ people, identifiers }: Columns): Record<string, unknown> {
  return {
    ...(people.trim() ? { people: people.trim() } : {}),
    ...(identifiers.length
      ? { identifiers: Object.fromEntries(identifiers.map((each) => [each.name.trim(), each.idType])) }
      : {}),
  };
}

/** What a definition says of them. */
export function read(definition: Record<string, unknown>): Columns {
  const found = definition.identifiers;
  const entries = typeof found === "object" && found !== null ? Object.entries(found) : [];
  return {
    people: typeof definition.people === "string" ? definition.people : "",
    identifiers: entries.map(([name, idType]) => fresh(name, String(idType))),
  };
}

const SHOWN = 65_536;

/** The names in the first line of a CSV; nothing of it leaves the browser. */
export async function header(file: File): Promise<string[]> {
  if (!/\.csv$/i.test(file.name)) return [];
  const [line = ""] = (await file.slice(0, SHOWN).text()).replace(/^\uFEFF/, "").split(/\r?\n/, 1);
  const separator = [";", "\t", "|"].find((each) => line.split(each).length > line.split(",").length) ?? ",";
  return line
    .split(separator)
    .map((each) => each.trim().replace(/^"|"$/g, ""))
    .filter(Boolean);
}

const LOOKS: [RegExp, string][] = [
  [/idfa|aaid|gaid|adid|advertising|device|daid|maid/i, "DAID"],
  [/uid2/i, "UID2"],
  [/tdid|trade.?desk|guid/i, "TDID"],
];

/** What columns of these names most likely are. */
export function guessed(names: string[]): Columns {
  const identifiers = names.flatMap((name) => {
    const found = LOOKS.find(([form]) => form.test(name));
    return found ? [fresh(name, found[1])] : [];
  });
  const people = names.find((name) =>
    /^(user|customer|person|member|client)?[ _-]?id$|^(user|customer|person|email)$/i.test(name),
  );
  return { people: people ?? "", identifiers };
}
