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
}

export const FRESH: Fields = {
  connection: null,
  cadence: "one_time",
  at: "06:00",
  cron: "",
  ttlDays: 30,
  refresh: "every_sync",
  segment: "",
};

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
    identifiers,
  };
}
