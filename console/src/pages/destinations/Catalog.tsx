/** Catalog, tab Destinations: the kinds of platform, each a tile with its stage and what stands in this project's way. */
import { Badge, Card, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { useProject } from "../../api/session";
import { stages, document as words } from "../../labels";
import { CatalogTabs } from "../../parts/CatalogTabs";
import { many } from "../../parts/figures";
import { Asked } from "../../parts/States";
import { Status } from "../../parts/Status";
import { PlatformMark } from "./PlatformMark";
import { type Tile, useConnections, useTiles } from "./queries";

export function Component() {
  const project = useProject();
  const tiles = useTiles(project);
  return (
    <CatalogTabs here="destinations" about="Where cohorts can be sent from this project.">
      <Stack gap="sm">
        <Title order={2}>{words.cohortSection}</Title>
        <Text c="dimmed">Platforms that keep a segment equal to a cohort.</Text>
        <Asked of={tiles} lines={3}>
          {(found) => (
            <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }}>
              {found.map((tile) => (
                <OneTile key={tile.kind} tile={tile} project={project} />
              ))}
            </SimpleGrid>
          )}
        </Asked>
      </Stack>
    </CatalogTabs>
  );
}

function OneTile({ tile, project }: { tile: Tile; project: string }) {
  const accounts = useConnections(project).data?.items.filter((each) => each.destination === tile.kind).length;
  return (
    <Card component={Link} to={`/projects/${project}/catalog/destinations/${tile.kind}`} className="tile">
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <PlatformMark />
            <Text fw={600}>{tile.name}</Text>
          </Group>
          <Badge color="gray">{stages[tile.stage] ?? tile.stage}</Badge>
        </Group>
        <Text size="sm" c="dimmed">
          Segments of people by Trade Desk GUID, device ID or Unified ID 2.0.
        </Text>
        <Group gap="xs">
          {tile.wall ? <Status tone="waiting">Not enabled here</Status> : <Status tone="good">Enabled</Status>}
          {accounts !== undefined && accounts > 0 && (
            <Text size="sm" c="dimmed">
              {many(accounts, "account", "accounts")}
            </Text>
          )}
        </Group>
      </Stack>
    </Card>
  );
}
