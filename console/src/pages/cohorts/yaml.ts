/** A rule as a person would write it into a YAML file. Pure. */

/** Mappings, lists and texts alone, as the API shows definitions. */
export function yaml(value: unknown, depth = 0): string {
  const pad = "  ".repeat(depth);
  if (Array.isArray(value)) {
    if (value.every((each) => typeof each !== "object")) return `[${value.map(text).join(", ")}]`;
    return value.map((each) => `\n${pad}- ${yaml(each, depth + 1).trimStart()}`).join("");
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([name, entry]) => `\n${pad}${text(name)}:${spaced(yaml(entry, depth + 1))}`)
      .join("");
  }
  return text(value);
}

function spaced(written: string): string {
  return written.startsWith("\n") ? written : ` ${written}`;
}

/** Bare where YAML reads the same text back, else between quotes. */
function text(value: unknown): string {
  const plain = String(value);
  const bare =
    /^[A-Za-z_][A-Za-z0-9_ ./-]*$/.test(plain) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(plain) && !plain.endsWith(" ");
  return bare ? plain : JSON.stringify(plain);
}
