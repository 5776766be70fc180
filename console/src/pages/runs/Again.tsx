/** Run a sync now; of a split all parts, as of one instant, so that whoever moves is in one of them afterwards. */
import { Stack, Text } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { answer, api, sentence } from "../../api/client";
import { MayButton } from "../../parts/May";
import { runsOf } from "./queries";

interface Props {
  project: string;
  sync: string;
  /** The split that it is a part of. */
  split?: string;
}

export function Again({ project, sync, split }: Props) {
  const go = useNavigate();
  const client = useQueryClient();
  const start = useMutation({
    mutationFn: async () => {
      if (split) {
        const params = { path: { project, split } };
        const { runs } = await answer(api.POST("/api/v1/projects/{project}/splits/{split}/runs", { params }));
        return runs.find((run) => run.sync === sync);
      }
      const params = { path: { project, sync } };
      return answer(api.POST("/api/v1/projects/{project}/syncs/{sync}/runs", { params }));
    },
    onSuccess: async (run) => {
      await client.invalidateQueries({ queryKey: runsOf(project) });
      await go(`/projects/${project}/runs/${run?.id ?? ""}`);
    },
  });
  return (
    <Stack gap={4} align="flex-end">
      <MayButton
        needs="manager"
        leftSection={<IconPlayerPlay size={16} />}
        loading={start.isPending}
        onClick={() => start.mutate()}
      >
        {split ? "Run all parts" : "Run now"}
      </MayButton>
      {start.error && (
        <Text size="sm" c="red" maw={360} role="alert">
          {sentence(start.error)}
        </Text>
      )}
    </Stack>
  );
}
