/** How many of a sync's people are held out: asked, changed, ended. */
import { Button, Group, Modal, NumberInput, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, onlyOver, type Shape } from "../../api/client";
import { MayButton } from "../../parts/May";
import { Failure } from "../../parts/States";
import { segmentsOf } from "../syncs/queries";

interface Props {
  project: string;
  sync: Shape<"SyncView">;
  /** Whether people are, or were, in the segment. */
  sent: boolean;
}

const USUAL = 10;

export function HeldOut(props: Props) {
  const [opened, { open, close }] = useDisclosure(false);
  const title = props.sync.holdout ? "Change who is held out" : "Hold some out";
  return (
    <>
      <MayButton needs="manager" variant={props.sync.holdout ? "default" : undefined} onClick={open}>
        {title}
      </MayButton>
      <Modal opened={opened} onClose={close} title={title}>
        {opened && <Decision {...props} close={close} />}
      </Modal>
    </>
  );
}

function Decision({ project, sync, sent, close }: Props & { close: () => void }) {
  const client = useQueryClient();
  const [begun] = useState(sync);
  const [percent, setPercent] = useState<number | string>(sync.holdout?.percent ?? USUAL);
  const change = useMutation({
    mutationFn: () =>
      answer(
        api.PATCH("/api/v1/projects/{project}/syncs/{sync}", {
          params: { path: { project, sync: sync.id }, header: onlyOver(begun) },
          body: { holdout: { percent: Number(percent) } },
        }),
      ),
    onSuccess: async () => {
      close();
      await client.invalidateQueries({ queryKey: segmentsOf(project) });
    },
  });
  return (
    <Stack>
      <NumberInput
        label="Held out, in percent"
        description="So many people stay out by lot; 10 is usual, 0 is nobody."
        min={0}
        max={50}
        allowDecimal={false}
        clampBehavior="strict"
        value={percent}
        onChange={setPercent}
      />
      <Text size="sm">{what(Number(percent), sync.holdout?.percent ?? 0, sent)}</Text>
      {change.error && <Failure error={change.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          Cancel
        </Button>
        <Button
          loading={change.isPending}
          disabled={percent === "" || Number(percent) === (sync.holdout?.percent ?? 0)}
          onClick={() => change.mutate()}
        >
          Save
        </Button>
      </Group>
    </Stack>
  );
}

/** What the next run does then. */
function what(percent: number, before: number, sent: boolean): string {
  if (percent === 0 && before) return "The next run sends everybody, and the comparison ends.";
  if (before && percent !== before) return "People whose lot lies between the two are in neither arm from now on.";
  if (sent && !before)
    return "The next run takes them out of the segment. They were reached before, which makes a difference smaller.";
  return "The next run leaves them out, and their other identifiers with them.";
}
