/** The state of a run. */
import type { Shape } from "../../api/client";
import { Status } from "../../parts/Status";
import { told } from "./words";

export function RunStatus({ run }: { run: Pick<Shape<"RunView">, "state" | "outcome"> }) {
  const { tone, word } = told(run);
  return <Status tone={tone}>{word}</Status>;
}
