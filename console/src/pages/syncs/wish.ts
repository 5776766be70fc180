/** What somebody chose in the wizard, and the sync it amounts to; pure. */
import type { Draft } from "./queries";

export interface Fields {
  connection: string | null;
  cadence: Draft["cadence"];
  at: string;
  cron: string;
  ttlDays: number;
  refresh: Draft["refresh"];
  segment: string;
  /** Percent of the people who stay out by lot; 0 for nobody. */
  heldOut: number;
  /** The user property whose values each get a segment; empty for one segment. */
  splitBy: string;
  values: string[];
}

export const FRESH: Fields = {
  connection: null,
  cadence: "one_time",
  at: "06:00",
  cron: "",
  ttlDays: 30,
  refresh: "every_sync",
  segment: "",
  heldOut: 0,
  splitBy: "",
  values: [],
};

/** The values that each get a segment; none where there is one segment. */
export function splitOf(fields: Fields): { split_by: string; values: string[] } | null {
  const property = fields.splitBy.trim();
  return property && fields.values.length ? { split_by: property, values: fields.values } : null;
}

/** None while no account is chosen, or no expression is written. */
export function draftOf(cohort: string, fields: Fields, identifiers: number[] | null): Draft | null {
  if (fields.connection === null || (fields.cadence === "cron" && !fields.cron.trim())) return null;
  return {
    cohort,
    connection: fields.connection,
    cadence: fields.cadence,
    at: fields.at,
    cron: fields.cadence === "cron" ? fields.cron.trim() : "",
    ttl_days: fields.ttlDays,
    refresh: fields.refresh,
    recency: "sync",
    segment: fields.segment.trim() || null,
    holdout: fields.heldOut ? { percent: fields.heldOut } : null,
    identifiers,
  };
}
