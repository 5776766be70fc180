/** Save, and send for the first time unless somebody would rather wait. */
import { Checkbox, Group, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "../../api/client";
import { document as words } from "../../labels";
import { MayButton } from "../../parts/May";
import { Failure } from "../../parts/States";
import { runsOf } from "../runs/queries";
import { type Draft, segmentsOf } from "./queries";

interface Props {
  project: string;
  draft: Draft | null;
  /** The values that each get a segment; null where there is one. */
  split: { split_by: string; values: string[] } | null;
}

export function SaveSync({ project, draft, split }: Props) {
  const client = useQueryClient();
  const go = useNavigate();
  const [now, setNow] = useState(true);
  const save = useMutation({
    mutationFn: async (wanted: Draft) => {
      const { identifiers: _, ...body } = wanted;
      if (split) {
        const params = { path: { project } };
        const made = await answer(api.POST("/api/v1/projects/{project}/splits", { params, body: { ...body, ...split } }));
        const name = made.syncs[0]?.only?.split;
        if (now && name) {
          const path = { project, split: name };
          await answer(api.POST("/api/v1/projects/{project}/splits/{split}/runs", { params: { path } }));
        }
        return `/projects/${project}/segments`;
      }
      const sync = await answer(api.POST("/api/v1/projects/{project}/syncs", { params: { path: { project } }, body }));
      if (!now) return `/projects/${project}/segments/${sync.id}`;
      const params = { path: { project, sync: sync.id } };
      const run = await answer(api.POST("/api/v1/projects/{project}/syncs/{sync}/runs", { params }));
      return `/projects/${project}/runs/${run.id}`;
    },
    onSuccess: async (place) => {
      await client.invalidateQueries({ queryKey: segmentsOf(project) });
      await client.invalidateQueries({ queryKey: runsOf(project) });
      await go(place);
    },
  });
  return (
    <Stack gap="xs" align="flex-end">
      <Group>
        <Checkbox label="Send now" checked={now} onChange={(event) => setNow(event.currentTarget.checked)} />
        <MayButton needs="manager" disabled={draft === null} loading={save.isPending} onClick={() => draft && save.mutate(draft)}>
          {words.save}
        </MayButton>
      </Group>
      {save.error && <Failure error={save.error} />}
    </Stack>
  );
}
