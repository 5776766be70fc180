/** How a run is spoken of: its state as a word with a tone, and the way through its phases. */
import type { Shape } from "../../api/client";
import { outcomes, runStates } from "../../labels";
import type { Tone } from "../../parts/Status";

type Run = Pick<Shape<"RunView">, "state" | "outcome">;

const OUTCOME_TONES: Record<Shape<"RunOutcome">, Tone> = {
  clean: "good",
  with_rejects: "good",
  incomplete: "warning",
  failed: "bad",
  discarded: "none",
  superseded: "none",
  cancelled: "none",
  dry: "none",
};

const STATE_TONES: Record<Shape<"RunState">, Tone> = {
  open: "waiting",
  evaluated: "busy",
  resolved: "busy",
  planned: "busy",
  held: "warning",
  delivering: "busy",
  settling: "waiting",
  closed: "none",
};

export function told(run: Run): { tone: Tone; word: string } {
  if (run.outcome) return { tone: OUTCOME_TONES[run.outcome], word: outcomes[run.outcome] };
  return { tone: STATE_TONES[run.state], word: runStates[run.state] };
}

/** Whether something still happens by itself. */
export function isUnderWay(run: Run): boolean {
  return run.state !== "closed" && run.state !== "held" && run.state !== "settling";
}
