/** Work out what a run would do now; it stands among the runs, and nothing is sent. */

import { Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { answer, api, sentence } from "../../api/client";
import { MayButton } from "../../parts/May";
import { runsOf } from "./queries";

export function DryRun({ project, sync }: { project: string; sync: string }) {
  const go = useNavigate();
  const client = useQueryClient();
  const params = { path: { project, sync } };
  const start = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/syncs/{sync}/dry-runs", { params })),
    onSuccess: async (run) => {
      await client.invalidateQueries({ queryKey: runsOf(project) });
      await go(`/projects/${project}/runs/${run.id}`);
    },
  });
  return (
    <>
      <MayButton needs="manager" variant="default" loading={start.isPending} onClick={() => start.mutate()}>
        Dry run
      </MayButton>
      {start.error && (
        <Text size="sm" c="red" maw={360} role="alert">
          {sentence(start.error)}
        </Text>
      )}
    </>
  );
}
