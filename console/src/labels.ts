/**
 * Every word that stands on a page more than once, or that somebody may look for because another document names it.
 * `document` holds the labels of the guide that the console follows, to the letter; a test compares them with the guide's list.
 */
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

export const roles: Record<string, string> = { viewer: "Viewer", member: "Member", manager: "Manager", admin: "Admin" };
