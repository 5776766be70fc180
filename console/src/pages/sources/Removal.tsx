/** Removing a source: it goes with its keys, and only where no cohort needs it. */
import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { useProject } from "../../api/session";
import { many } from "../../parts/figures";
import { Failure } from "../../parts/States";
import { type Source, sourcesOf } from "./queries";

export function Removal({ source }: { source: Source }) {
  const project = useProject();
  const client = useQueryClient();
  const [opened, { open, close }] = useDisclosure(false);
  const path = { project, source: source.id };
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/projects/{project}/sources/{source}", { params: { path } })),
    onSuccess: () => client.invalidateQueries({ queryKey: sourcesOf(project) }),
  });
  const used = source.cohorts.length > 0 || Boolean(source.tables?.answers);
  return (
    <>
      <Button variant="subtle" color="red" size="xs" onClick={open}>
        Remove
      </Button>
      <Modal opened={opened} onClose={close} title={`Remove ${source.name}?`}>
        <Stack>
          {used ? (
            <Alert color="gray">
              {source.tables
                ? "The cohorts of this project are answered from it. Let them be answered from the project's own events first."
                : `${many(source.cohorts.length, "cohort is", "cohorts are")} pulled through it. Remove them first.`}
            </Alert>
          ) : (
            <Text size="sm">
              {source.tables ? "What it says about the tables is forgotten" : "Its keys are forgotten"}; nothing is changed there,
              and nobody at a platform is touched.
            </Text>
          )}
          {remove.error && <Failure error={remove.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button color="red" disabled={used} loading={remove.isPending} onClick={() => remove.mutate()}>
              Remove
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
