/** The project's plan, and the destinations that are enabled in it. */
import { Anchor, Card, Group, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { useProjects } from "../../api/session";
import { stages } from "../../labels";
import { moment } from "../../parts/figures";
import { Asked } from "../../parts/States";
import { Status } from "../../parts/Status";
import { useTiles } from "../destinations/queries";

export function Plan({ project }: { project: string }) {
  const tiles = useTiles(project);
  const mine = useProjects().data?.items.find((each) => each.id === project);
  return (
    <Stack gap="lg" maw={860}>
      <Card>
        <Stack gap="xs">
          <Title order={2}>{mine?.name ?? project}</Title>
          <Group gap="sm">
            <Status tone={mine?.plan === "paid" ? "good" : "waiting"}>{mine?.plan === "paid" ? "Paid plan" : "Free plan"}</Status>
            <Text size="sm" c="dimmed">
              Days and times are those of {mine?.zone}.
            </Text>
          </Group>
          {mine?.plan !== "paid" && (
            <Text size="sm">Cohorts are sent on the paid plan alone; an administrator of this installation gives it.</Text>
          )}
        </Stack>
      </Card>
      <Asked of={tiles} lines={2}>
        {(found) => (
          <Stack gap="sm">
            <Title order={2}>Destinations</Title>
            {found.map((tile) => (
              <Card key={tile.kind}>
                <Group justify="space-between">
                  <Stack gap={2}>
                    <Text fw={600}>{tile.name}</Text>
                    <Text size="sm" c="dimmed">
                      {stages[tile.stage] ?? tile.stage}
                      {tile.enabled_by ? `, enabled by ${tile.enabled_by} on ${moment(tile.enabled_at)}` : ""}
                    </Text>
                  </Stack>
                  <Group>
                    {tile.wall ? <Status tone="waiting">Not enabled here</Status> : <Status tone="good">Enabled</Status>}
                    <Anchor component={Link} to={`/projects/${project}/catalog/destinations/${tile.kind}`} size="sm">
                      {tile.wall ? "What it needs" : "Change"}
                    </Anchor>
                  </Group>
                </Group>
              </Card>
            ))}
          </Stack>
        )}
      </Asked>
    </Stack>
  );
}
