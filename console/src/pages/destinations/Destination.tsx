/** One kind of platform: what it asks, what stands in the way, and the project's accounts there. */
import { Badge, Button, Card, Grid, List, Stack, Table, Text, Title } from "@mantine/core";
import { IconPlugConnected, IconPlus } from "@tabler/icons-react";
import { Link, useParams } from "react-router";
import { useProject } from "../../api/session";
import { idTypesShort, places, stages, document as words } from "../../labels";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { Status } from "../../parts/Status";
import { useThen } from "../../parts/then";
import { Nowhere } from "../../shell/Nowhere";
import { Enablement } from "./Enablement";
import { sourceLabel } from "./identity";
import { type Connection, type Tile, useConnections, useTiles } from "./queries";

export function Component() {
  const project = useProject();
  const { kind } = useParams();
  const tiles = useTiles(project);
  return (
    <Asked of={tiles}>
      {(found) => {
        const tile = found.find((each) => each.kind === kind);
        return tile ? <Shown tile={tile} project={project} /> : <Nowhere />;
      }}
    </Asked>
  );
}

function Shown({ tile, project }: { tile: Tile; project: string }) {
  const base = `/projects/${project}/catalog/destinations`;
  const connections = useConnections(project);
  const { then, onTheWay } = useThen();
  const add = (
    <MayButton
      needs="manager"
      to={onTheWay(`${base}/${tile.kind}/new`)}
      leftSection={<IconPlus size={16} />}
      disabled={tile.wall !== null}
    >
      {words.add}
    </MayButton>
  );
  return (
    <Page
      title={tile.name}
      crumbs={[{ label: `${places.catalog}, ${words.destinations}`, to: base }]}
      beside={<Badge color="gray">{stages[tile.stage] ?? tile.stage}</Badge>}
      actions={add}
    >
      <Enablement tile={tile} project={project} />
      {then && !tile.wall && connections.data?.items.some((each) => each.destination === tile.kind) && (
        <Button component={Link} to={then} w="fit-content">
          Go on with the sync
        </Button>
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="sm">
            <Title order={2}>Accounts</Title>
            <Asked of={connections} lines={3}>
              {({ items }) => {
                const mine = items.filter((each) => each.destination === tile.kind);
                return mine.length ? (
                  <Accounts accounts={mine} tile={tile} base={`${base}/${tile.kind}`} />
                ) : (
                  <Empty icon={IconPlugConnected} title="No account yet" action={tile.wall ? undefined : add}>
                    An account is one advertiser at The Trade Desk, with its key, its data center and the identifiers that are
                    sent there.
                  </Empty>
                );
              }}
            </Asked>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <About tile={tile} />
        </Grid.Col>
      </Grid>
    </Page>
  );
}

function Accounts({ accounts, tile, base }: { accounts: Connection[]; tile: Tile; base: string }) {
  return (
    <Table.ScrollContainer minWidth={560} className="sheet">
      <Table aria-label="Accounts">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.name}</Table.Th>
            <Table.Th>{words.advertiser}</Table.Th>
            <Table.Th>{words.region}</Table.Th>
            <Table.Th>Identifiers</Table.Th>
            <Table.Th>State</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {accounts.map((each) => (
            <Table.Tr key={each.id}>
              <Table.Td>
                <Link className="row" to={`${base}/${each.id}`}>
                  {each.name}
                </Link>
              </Table.Td>
              <Table.Td>{each.advertiser}</Table.Td>
              <Table.Td>{tile.regions.find((region) => region.key === each.region)?.label ?? each.region}</Table.Td>
              <Table.Td>
                {each.identity.map((row) => (
                  <Text size="sm" key={`${row.source} ${row.id_type}`}>
                    {sourceLabel(row.source)} → {idTypesShort[row.id_type] ?? row.id_type}
                  </Text>
                ))}
              </Table.Td>
              <Table.Td>{each.paused ? <Status tone="paused">Paused</Status> : <Status tone="good">Ready</Status>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function About({ tile }: { tile: Tile }) {
  return (
    <Stack gap="md">
      <Card>
        <Stack gap="xs">
          <Title order={2}>Considerations</Title>
          <List size="sm" spacing={6}>
            {tile.considerations.map((each) => (
              <List.Item key={each}>{each}</List.Item>
            ))}
          </List>
        </Stack>
      </Card>
      <Card>
        <Stack gap="xs">
          <Title order={2}>Setup</Title>
          <List type="ordered" size="sm" spacing={6}>
            {tile.setup.map((each) => (
              <List.Item key={each}>{each}</List.Item>
            ))}
          </List>
          <Text size="sm" c="dimmed">
            If you do not find them there, The Trade Desk also keeps them under Advertiser Preferences &gt; Seat Identifiers &amp;
            Keys.
          </Text>
        </Stack>
      </Card>
      <Text size="sm" c="dimmed">
        {tile.contact ? `Support: ${tile.contact}` : "Support: ask whoever runs this installation."}
      </Text>
    </Stack>
  );
}
