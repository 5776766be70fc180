/** Pause and resume a sync: how many it touches, and what becomes of them, before anything is done. */
import { Button, Group, Modal, Radio, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { count } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Failure } from "../../parts/States";
import { type Segment, segmentsOf } from "../syncs/queries";

export function Pausing({ project, segment }: { project: string; segment: Segment }) {
  const [opened, { open, close }] = useDisclosure(false);
  const client = useQueryClient();
  const params = { path: { project, sync: segment.sync.id } };
  const resume = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/syncs/{sync}/resume", { params })),
    onSuccess: () => client.invalidateQueries({ queryKey: segmentsOf(project) }),
  });
  if (segment.sync.state === "ended") return null;
  if (segment.sync.state === "paused") {
    return (
      <MayButton
        needs="manager"
        leftSection={<IconPlayerPlay size={16} />}
        loading={resume.isPending}
        onClick={() => resume.mutate()}
      >
        Resume
      </MayButton>
    );
  }
  return (
    <>
      <MayButton needs="manager" variant="default" leftSection={<IconPlayerPause size={16} />} onClick={open}>
        Pause
      </MayButton>
      <Modal opened={opened} onClose={close} title="Pause this sync?">
        {opened && <Decision project={project} segment={segment} close={close} />}
      </Modal>
    </>
  );
}

function Decision({ project, segment, close }: { project: string; segment: Segment; close: () => void }) {
  const client = useQueryClient();
  const [leaving, setLeaving] = useState<"empty" | "let_expire">("let_expire");
  const params = { path: { project, sync: segment.sync.id }, query: segment.holds ? { leaving } : {} };
  const pause = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/syncs/{sync}/pause", { params })),
    onSuccess: async () => {
      close();
      await client.invalidateQueries({ queryKey: segmentsOf(project) });
    },
  });
  return (
    <Stack>
      <Text size="sm">It runs no more until it is resumed. Its segment holds {count(segment.holds)} identifiers.</Text>
      {segment.holds > 0 && (
        <Radio.Group
          label="What becomes of these people"
          value={leaving}
          onChange={(value) => setLeaving(value === "empty" ? "empty" : "let_expire")}
        >
          <Stack gap={6} mt={6}>
            <Radio value="let_expire" label="Leave them until their time ends" />
            <Radio value="empty" label={`Take all ${count(segment.holds)} out now`} />
          </Stack>
        </Radio.Group>
      )}
      {pause.error && <Failure error={pause.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          Cancel
        </Button>
        <Button
          color={leaving === "empty" && segment.holds ? "red" : undefined}
          loading={pause.isPending}
          onClick={() => pause.mutate()}
        >
          Pause
        </Button>
      </Group>
    </Stack>
  );
}
