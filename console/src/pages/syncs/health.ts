/** How a sync does, in one word, from its state and its last run; pure. */
import type { Tone } from "../../parts/Status";
import type { Segment } from "./queries";

export interface Health {
  tone: Tone;
  word: string;
  /** The worse, the earlier in a list. */
  rank: number;
}

const HOUR = 3_600_000;
const PERIODS: Record<string, number> = { hourly: HOUR, daily: 24 * HOUR, on_change: 24 * HOUR };
const LATE_AFTER = 1.5;
const SOON = 48 * HOUR;

export function healthOf({ sync, last, holds, changed_at }: Segment, now: number = Date.now()): Health {
  if (last?.state === "held") return { tone: "warning", word: "Held", rank: 1 };
  if (last?.outcome === "failed" || last?.outcome === "incomplete") return { tone: "bad", word: "Failing", rank: 0 };
  const expires = changed_at ? new Date(changed_at).getTime() + sync.ttl_days * 24 * HOUR : null;
  if (holds > 0 && expires !== null && expires - now < SOON) return { tone: "warning", word: "About to expire", rank: 2 };
  if (sync.state === "paused") return { tone: "paused", word: "Paused", rank: 5 };
  if (sync.state === "ended") return { tone: "none", word: "Ended", rank: 7 };
  if (last && last.state !== "closed") return { tone: "busy", word: "Running", rank: 4 };
  const period = PERIODS[sync.cadence];
  const since = last?.opened_at ?? sync.added_at;
  if (period && since && now - new Date(since).getTime() > LATE_AFTER * period) return { tone: "warning", word: "Late", rank: 3 };
  if (!last) return { tone: "waiting", word: "Never run", rank: 4 };
  return { tone: "good", word: "Healthy", rank: 6 };
}
