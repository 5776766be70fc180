/** Stop a run that is under way. */
import { useDisclosure } from "@mantine/hooks";
import { answer, api } from "../../api/client";
import { MayButton } from "../../parts/May";
import type { Report } from "./queries";
import { WithReason } from "./Word";

export function Cancel({ project, report }: { project: string; report: Report }) {
  const [opened, { open, close }] = useDisclosure(false);
  const path = { project, run: report.run.id };
  return (
    <>
      <MayButton needs="manager" variant="default" onClick={open}>
        Stop
      </MayButton>
      <WithReason
        opened={opened}
        close={close}
        title="Stop this run?"
        verb="Stop the run"
        report={report}
        project={project}
        say={(reason) => answer(api.POST("/api/v1/projects/{project}/runs/{run}/cancel", { params: { path }, body: { reason } }))}
      >
        What was sent stays sent; the rest is left for the next run.
      </WithReason>
    </>
  );
}
