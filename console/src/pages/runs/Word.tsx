/** A person's word on a run: it is said, and the run is looked at again. */
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Failure } from "../../parts/States";
import { type Report, runOf, runsOf } from "./queries";

export function useWord<Said = void>(project: string, report: Report, close: () => void, say: (said: Said) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: say,
    onSuccess: async () => {
      close();
      await client.invalidateQueries({ queryKey: runsOf(project) });
      await client.invalidateQueries({ queryKey: runOf(project, report.run.id) });
    },
  });
}

interface Props {
  opened: boolean;
  close: () => void;
  title: string;
  verb: string;
  report: Report;
  project: string;
  say: (reason: string) => Promise<unknown>;
  children: ReactNode;
}

/** An end that wants a reason. */
export function WithReason(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.close} title={props.title}>
      {props.opened && <Form {...props} />}
    </Modal>
  );
}

function Form({ close, verb, report, project, say, children }: Props) {
  const [reason, setReason] = useState("");
  const word = useWord(project, report, close, say);
  return (
    <Stack>
      <Text size="sm">{children}</Text>
      <TextInput
        label="Why"
        description="For whoever reads it later."
        value={reason}
        maxLength={500}
        data-autofocus
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {word.error && <Failure error={word.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          Back
        </Button>
        <Button color="red" disabled={!reason.trim()} loading={word.isPending} onClick={() => word.mutate(reason.trim())}>
          {verb}
        </Button>
      </Group>
    </Stack>
  );
}
