/** Run a sync now. */
import { Stack, Text } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { answer, api, sentence } from "../../api/client";
import { MayButton } from "../../parts/May";
import { runsOf } from "./queries";

export function Again({ project, sync }: { project: string; sync: string }) {
  const go = useNavigate();
  const client = useQueryClient();
  const params = { path: { project, sync } };
  const start = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/syncs/{sync}/runs", { params })),
    onSuccess: async (run) => {
      await client.invalidateQueries({ queryKey: runsOf(project) });
      await go(`/projects/${project}/runs/${run.id}`);
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
        Run now
      </MayButton>
      {start.error && (
        <Text size="sm" c="red" maw={360} role="alert">
          {sentence(start.error)}
        </Text>
      )}
    </Stack>
  );
}
