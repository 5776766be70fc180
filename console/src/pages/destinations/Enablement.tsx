/** The walls between a project and a platform, the first that stands, with the button of whoever may take it away. */
import { Alert, Button, Checkbox, Group, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconLock } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay, useMe } from "../../api/session";
import { Failure } from "../../parts/States";
import { type Tile, tilesOf } from "./queries";

type Wall = NonNullable<Tile["wall"]>;

const WALLS: Record<Wall, { title: string; text: string; who: string; action: string }> = {
  free_plan: {
    title: "This project is on the free plan",
    text: "Syncs need the paid plan of this installation.",
    who: "An administrator of this installation can set it.",
    action: "Give the project the paid plan",
  },
  not_admitted: {
    title: "This destination is in closed beta",
    text: "Each project is admitted by hand while the beta is closed.",
    who: "An administrator of this installation can admit the project.",
    action: "Admit this project",
  },
  not_enabled: {
    title: "Not enabled in this project yet",
    text: "It is enabled in each project that uses it.",
    who: "An admin of the project can enable it.",
    action: "Enable in this project",
  },
  not_confirmed: {
    title: "The platform's own plan is not confirmed",
    text: "Nobody has confirmed that the paid plan at the platform is there.",
    who: "An admin of the project can confirm it.",
    action: "Confirm the plan",
  },
};

export function Enablement({ tile, project }: { tile: Tile; project: string }) {
  const administers = useMe().data?.administers ?? false;
  const admin = useMay("admin").may;
  const [opened, { open, close }] = useDisclosure(false);
  const change = useChange(tile, project, close);
  if (!tile.wall) return null;
  const wall = WALLS[tile.wall];
  const ofProject = tile.wall === "not_enabled" || tile.wall === "not_confirmed";
  const may = ofProject ? admin : administers;
  return (
    <Alert color="yellow" icon={<IconLock size={18} />} title={wall.title}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">
          {wall.text} {may ? "" : wall.who} {!may && tile.contact ? `Support: ${tile.contact}` : ""}
        </Text>
        {may && (
          <Button size="xs" loading={change.isPending} onClick={() => (ofProject ? open() : change.mutate())}>
            {wall.action}
          </Button>
        )}
        {change.error && !opened && <Failure error={change.error} />}
      </Stack>
      <Confirm tile={tile} opened={opened} close={close} change={change} />
    </Alert>
  );
}

function Confirm(props: { tile: Tile; opened: boolean; close: () => void; change: ReturnType<typeof useChange> }) {
  const { tile, opened, close, change } = props;
  const [confirmed, setConfirmed] = useState(false);
  return (
    <Modal opened={opened} onClose={close} title={`Enable ${tile.name} in this project`}>
      <Stack>
        <Text size="sm">Members of this project can then connect accounts and send cohorts there.</Text>
        {tile.paid_plan && (
          <Checkbox
            checked={confirmed}
            onChange={(event) => setConfirmed(event.currentTarget.checked)}
            label={`We have ${tile.paid_plan}`}
            description="The platform asks for it; this cannot be looked up from here."
          />
        )}
        {change.error && <Failure error={change.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button disabled={Boolean(tile.paid_plan) && !confirmed} loading={change.isPending} onClick={() => change.mutate()}>
            Enable
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** Takes away the wall that stands. */
function useChange(tile: Tile, project: string, done: () => void) {
  const client = useQueryClient();
  const destination = tile.kind;
  return useMutation({
    mutationFn: async () => {
      if (tile.wall === "free_plan") {
        await answer(api.PUT("/api/v1/projects/{project}/plan", { params: { path: { project } }, body: { plan: "paid" } }));
      } else if (tile.wall === "not_admitted") {
        const path = { destination, admitted: project };
        await answer(api.PUT("/api/v1/destinations/{destination}/admissions/{admitted}", { params: { path } }));
      } else {
        const params = { path: { project, destination } };
        await answer(
          api.PUT("/api/v1/projects/{project}/destinations/{destination}/enablement", { params, body: { paid_plan: true } }),
        );
      }
    },
    onSuccess: async () => {
      done();
      await client.invalidateQueries({ queryKey: tilesOf(project) });
      await client.invalidateQueries({ queryKey: ["projects"] });
    },
  });
}
