/**
 * Every word that stands on a page more than once, or that somebody may look for because another document names it.
 * `document` holds the labels of the guide that the console follows, to the letter; a test compares them with the guide's list.
 */
import type { Shape } from "./api/client";

export const document = {
  catalog: "Catalog",
  destinations: "Destinations",
  cohortSection: "Cohort",
  tile: "TheTradeDesk",
  add: "Add another destination",
  name: "Name",
  advertiser: "Advertiser ID",
  secret: "Advertiser Secret Key",
  region: "Data Center Region",
  userId: "User ID",
  platformUserId: "TheTradeDesk User ID",
  guid: "The Trade Desk 36-character GUID",
  device: "Raw device ID (iOS IDFA or Android's AAID)",
  uid2: "Unified ID 2.0",
  save: "Save",
  sync: "Sync",
  next: "Next",
  oneTime: "One-Time Sync",
  hourly: "Hourly",
  daily: "Daily",
} as const;

export const places = {
  overview: "Overview",
  cohorts: "Cohorts",
  syncs: "Syncs",
  runs: "Runs",
  segments: "Segments",
  catalog: document.catalog,
  settings: "Settings",
} as const;

/** The kinds of identifier as the guide calls them. */
export const idTypes: Record<string, string> = { TDID: document.guid, DAID: document.device, UID2: document.uid2 };

/** The same where there is little room. */
export const idTypesShort: Record<string, string> = { TDID: "Trade Desk GUID", DAID: "Device ID", UID2: "UID2" };

export const cadences: Record<string, string> = {
  one_time: document.oneTime,
  hourly: document.hourly,
  daily: document.daily,
  cron: "Cron",
  on_change: "On change",
};

export const stages: Record<string, string> = {
  closed_beta: "Closed Beta",
  open_beta: "Open Beta",
  general: "General availability",
};

/** What a token may be held to. */
export const routes: Record<Shape<"Routes">, string> = {
  cohorts: "Cohorts",
  previews: "Previews",
  connections: "Accounts",
  syncs: "Syncs",
  runs: "Runs",
  segments: "Segments",
  events: "Events",
  uploads: "Uploads",
  sources: "Sources",
  webhook: "Amplitude's webhook",
  definitions: "Definitions as YAML",
  figures: "Figures and statements",
  alerts: "Alerts",
  privacy: "Those who said no",
  projects: "Projects, plans and audit trail",
  people: "People and tokens",
  session: "Own account",
  machine: "The server's health",
  process: "Description of the API",
};

export const roles: Record<string, string> = { viewer: "Viewer", member: "Member", manager: "Manager", admin: "Admin" };

export const runStates = {
  open: "Waiting",
  evaluated: "Computing",
  resolved: "Comparing",
  planned: "Planned",
  held: "Held",
  delivering: "Sending",
  settling: "Settling",
  closed: "Ended",
} as const;

/** What a run is at, as a sentence on its page. */
export const phases = {
  open: "Waiting for a worker, or finding who is in the cohort",
  evaluated: "Finding their identifiers",
  resolved: "Comparing them with what the segment holds",
  planned: "About to send",
  held: "Held",
  delivering: "Sending",
  settling: "Waiting to send some again",
  closed: "Ended",
} as const;

export const outcomes = {
  clean: "Done",
  with_rejects: "Done, some refused",
  incomplete: "Incomplete",
  failed: "Failed",
  discarded: "Discarded",
  superseded: "Superseded",
  cancelled: "Cancelled",
  dry: "Dry run",
} as const;

export const runKinds: Record<string, string> = {
  sync: "Sync",
  keep: "Renews who would expire",
  drain: "Empties the segment",
  opt_out: "Takes out who said no",
  dry: "Dry run: nothing is sent",
};

export const operations: Record<string, string> = { add: "Add", remove: "Remove", refresh: "Renew" };

/** The way from people to the platform. */
export const steps: Record<string, string> = {
  in_cohort: "In the cohort",
  has_id: "Has an id",
  valid: "Valid",
  unique: "Unique",
  sent: "Sent",
  accepted: "Accepted",
};

export const answers: Record<string, string> = {
  applied: "Accepted",
  unreached: "Not reached",
  unattributed: "Unclear answer",
  unknown: "Answer lost",
  poisoned: "Refused as a whole",
  forbidden: "Forbidden",
  too_large: "Too large",
  throttled: "Asked to wait",
  misdirected: "Not the platform's answer",
};

export const batchStates = { planned: "Not sent yet", sent: "Sent, no answer yet", settled: "Settled", split: "Split" } as const;

export const syncStates: Record<string, string> = { active: "Active", paused: "Paused", ended: "Ended" };

export const refreshes: Record<string, string> = {
  every_sync: "In every run",
  before_expiry: "Only before they expire",
};

/** Where Amplitude keeps a project; a sandbox is offered by the server alone. */
export const amplitudeRegions: Record<string, string> = { us: "United States", eu: "Europe", sandbox: "Sandbox on this machine" };

export const privacyTypes: Record<string, string> = { OptOut: "Opt-out", Deletion: "Deletion" };

export const contactKinds: Record<string, string> = { email: "Mail", slack: "Slack", webhook: "Signed request" };

/** Words of pages that have no noun of their own. */
export const words = { lift: "What sending does", sources: "Sources" } as const;

/** What answers for tables of a client's own. */
export const engines: Record<string, string> = { postgresql: "PostgreSQL", clickhouse: "ClickHouse", spark: "Spark" };
