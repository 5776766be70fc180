/** How a sync does, in one word: from its last run, and from what is wrong with it now; pure. */
import type { Shape } from "../../api/client";
import type { Tone } from "../../parts/Status";
import type { Segment } from "./queries";

export type Incident = Shape<"IncidentView">;

export interface Health {
  tone: Tone;
  word: "Failing" | "Held" | "About to expire" | "Late" | "Never run" | "Running" | "Paused" | "Healthy" | "Ended";
  /** The worse, the earlier in a list. */
  rank: number;
}

const DAY = 24 * 3_600_000;
const SOON = 2 * DAY;

const FAILING = new Set(["failed", "rejects", "stalled", "unknown"]);
const HELD = new Set(["held", "mass_removal"]);
const LATE = new Set(["stale", "missed"]);

/** `incidents` are those of the project that are not over. */
export function healthOf(segment: Segment, incidents: Incident[] = [], now: number = Date.now()): Health {
  const { sync, last } = segment;
  const wrong = (kinds: Set<string>) => incidents.some((each) => each.object === sync.id && kinds.has(each.kind));
  if (last?.state === "held" || (last?.state !== "closed" && wrong(HELD))) return { tone: "warning", word: "Held", rank: 1 };
  if (last?.outcome === "failed" || last?.outcome === "incomplete" || wrong(FAILING))
    return { tone: "bad", word: "Failing", rank: 0 };
  if (wrong(new Set(["expiry"])) || lapsesSoon(segment, now)) return { tone: "warning", word: "About to expire", rank: 2 };
  if (sync.state === "paused") return { tone: "paused", word: "Paused", rank: 5 };
  if (sync.state === "ended") return { tone: "none", word: "Ended", rank: 7 };
  if (last && last.state !== "closed") return { tone: "busy", word: "Running", rank: 4 };
  if (wrong(LATE)) return { tone: "warning", word: "Late", rank: 3 };
  if (!last) return { tone: "waiting", word: "Never run", rank: 4 };
  return { tone: "good", word: "Healthy", rank: 6 };
}

/** Whether the people of a sync that renews nobody any more leave soon. */
function lapsesSoon({ sync, holds, changed_at }: Segment, now: number): boolean {
  if (sync.state === "active" || !holds || !changed_at) return false;
  return new Date(changed_at).getTime() + sync.ttl_days * DAY - now < SOON;
}
