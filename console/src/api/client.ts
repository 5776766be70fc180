/** The API's client, typed from its description, and its errors as one sentence a person can act on. */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

/** A shape that the API shows or takes, by its name in the description. */
export type Shape<Name extends keyof components["schemas"]> = components["schemas"][Name];

export const api = createClient<paths>();

/** What the API refused or could not do. `message` is its own sentence; `wall` says what stands between project and destination. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
    readonly path = "",
    readonly wall = "",
  ) {
    super(detail);
  }
}

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The answer's body. Throws Problem for anything but success. */
export async function answer<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  const got = await call.catch(() => {
    throw new Problem(0, "No answer", "the server does not answer; is it running, and can this browser reach it?");
  });
  if (got.response.ok) return got.data as Data;
  throw problemOf(got.response.status, got.error);
}

/** The header of a change: what is new never takes the place of one that is there, what was read only that of what was read. */
export const onlyOver = (read?: { tag: string }) => (read ? { "If-Match": `"${read.tag}"` } : { "If-None-Match": "*" as const });

/** Every page of a list that is never long. */
export async function everything<Item>(page: (cursor: string | null) => Promise<{ items: Item[]; next: string | null }>) {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const found: { items: Item[]; next: string | null } = await page(cursor);
    items.push(...found.items);
    cursor = found.next;
  } while (cursor);
  return { items };
}

/** A problem's sentence, whatever was thrown. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : "something failed that has no name";
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

function problemOf(status: number, body: unknown): Problem {
  const told = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof told[name] === "string" ? told[name] : "");
  return new Problem(
    status,
    text("title") || "Refused",
    text("detail") || `the server answered ${status}`,
    text("path"),
    text("wall"),
  );
}
