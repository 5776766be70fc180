/** Removing an account: how many identifiers it touches, and what becomes of them, before anything is done. */
import { Button, Group, Modal, Radio, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "../../api/client";
import { useProject } from "../../api/session";
import { count, many } from "../../parts/figures";
import { Asked, Failure } from "../../parts/States";
import { type Connection, connectionsOf } from "./queries";

export function Removal({ connection, back }: { connection: Connection; back: string }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button variant="subtle" color="red" leftSection={<IconTrash size={16} />} onClick={open}>
        Remove
      </Button>
      <Modal opened={opened} onClose={close} title={`Remove ${connection.name}?`}>
        {opened && <Decision connection={connection} back={back} close={close} />}
      </Modal>
    </>
  );
}

function Decision({ connection, back, close }: { connection: Connection; back: string; close: () => void }) {
  const project = useProject();
  const client = useQueryClient();
  const go = useNavigate();
  const [leaving, setLeaving] = useState<"empty" | "let_expire">("empty");
  const path = { project, connection: connection.id };
  const stakes = useQuery({
    queryKey: ["stakes", project, connection.id],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/connections/{connection}/stakes", { params: { path } })),
  });
  const held = stakes.data?.reduce((sum, each) => sum + each.count, 0) ?? 0;
  const remove = useMutation({
    mutationFn: () =>
      answer(
        api.DELETE("/api/v1/projects/{project}/connections/{connection}", { params: { path, query: held ? { leaving } : {} } }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: connectionsOf(project) });
      await go(back);
    },
  });
  return (
    <Asked of={stakes} lines={2}>
      {(found) => (
        <Stack>
          <Text size="sm">
            {held
              ? `Its ${many(found.length, "segment holds", "segments hold")} ${count(held)} identifiers. Its syncs end with it.`
              : "Nobody is in a segment of it. Its syncs and its secret go with it; the history stays."}
          </Text>
          {held > 0 && (
            <Radio.Group
              label="What becomes of these people"
              value={leaving}
              onChange={(value) => setLeaving(value === "empty" ? "empty" : "let_expire")}
            >
              <Stack gap={6} mt={6}>
                <Radio value="empty" label="Take them out of the segments now" />
                <Radio value="let_expire" label="Leave them until their time ends" />
              </Stack>
            </Radio.Group>
          )}
          {remove.error && <Failure error={remove.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
              Remove
            </Button>
          </Group>
        </Stack>
      )}
    </Asked>
  );
}
