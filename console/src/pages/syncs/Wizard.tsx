/** Sync a cohort: choose the destination, then the account and the cadence, see what the first send comes to, and save. */
import { Badge, Button, Card, Grid, Group, Radio, Stack, Text, Title } from "@mantine/core";
import { IconPlugConnected } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { useProject } from "../../api/session";
import { places, stages, document as words } from "../../labels";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { sent } from "../../parts/then";
import { type Connection, type Tile, useConnections, useTiles } from "../destinations/queries";
import { Cadence } from "./Cadence";
import { FirstSend } from "./FirstSend";
import { useCohort, useForecast, useReach } from "./queries";
import { SaveSync } from "./SaveSync";
import { draftOf, type Fields, FRESH, splitOf } from "./wish";

export function Component() {
  const project = useProject();
  const { cohort = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const tiles = useTiles(project);
  const connections = useConnections(project);
  const kind = search.get("to");
  const step = useStep(kind);
  const known = useCohort(project, cohort).data;
  const name = known?.name ?? cohort;
  const onward = (tile: Tile) => `/projects/${project}/cohorts/${cohort}/sync?to=${tile.kind}`;
  return (
    <Page
      title={`${words.sync} ${name}`}
      crumbs={[
        { label: places.cohorts, to: `/projects/${project}/cohorts` },
        { label: name, to: `/projects/${project}/cohorts/${cohort}` },
      ]}
    >
      <div ref={step} tabIndex={-1} style={{ outline: "none" }}>
        <Asked of={tiles}>
          {(found) => (
            <Asked of={connections}>
              {({ items }) => {
                const tile = found.find((each) => each.kind === kind);
                if (!tile) return <ChooseTile tiles={found} onNext={(to) => setSearch({ to })} project={project} then={onward} />;
                const accounts = items.filter((each) => each.destination === tile.kind);
                return (
                  <ChooseRest
                    cohort={cohort}
                    tells={known?.tells ?? false}
                    tile={tile}
                    accounts={accounts}
                    onBack={() => setSearch({})}
                    then={onward(tile)}
                  />
                );
              }}
            </Asked>
          )}
        </Asked>
      </div>
    </Page>
  );
}

/** After Next and Back the reader begins at the top of what came. */
function useStep(kind: string | null) {
  const content = useRef<HTMLDivElement>(null);
  const before = useRef(kind);
  useEffect(() => {
    if (before.current === kind) return;
    before.current = kind;
    window.scrollTo(0, 0);
    content.current?.focus({ preventScroll: true });
  }, [kind]);
  return content;
}

interface Choice {
  tiles: Tile[];
  project: string;
  onNext: (kind: string) => void;
  /** Where to go on when what a destination needs is there. */
  then: (tile: Tile) => string;
}

function ChooseTile({ tiles, project, onNext, then }: Choice) {
  const open = tiles.filter((each) => each.wall === null);
  const [kind, setKind] = useState(open.length === 1 ? (open[0]?.kind ?? null) : null);
  return (
    <Stack gap="md" maw={720}>
      <Radio.Group value={kind} onChange={setKind} label={<Title order={2}>Where to?</Title>}>
        <Stack gap="xs" mt="xs">
          {tiles.map((tile) => (
            <Card key={tile.kind} padding="sm">
              <Group justify="space-between">
                <Radio value={tile.kind} label={tile.name} disabled={tile.wall !== null} />
                <Badge color="gray">{stages[tile.stage] ?? tile.stage}</Badge>
              </Group>
              {tile.wall && (
                <Text size="sm" c="dimmed" pl={32}>
                  Not enabled in this project.{" "}
                  <Link to={sent(`/projects/${project}/catalog/destinations/${tile.kind}`, then(tile))}>What it needs</Link>
                </Text>
              )}
            </Card>
          ))}
        </Stack>
      </Radio.Group>
      <Group>
        <Button disabled={kind === null} onClick={() => kind && onNext(kind)}>
          {words.next}
        </Button>
      </Group>
    </Stack>
  );
}

interface Rest {
  cohort: string;
  tells: boolean;
  tile: Tile;
  accounts: Connection[];
  onBack: () => void;
  then: string;
}

function ChooseRest({ cohort, tells, tile, accounts, onBack, then }: Rest) {
  const project = useProject();
  const ready = accounts.filter((each) => !each.paused);
  const [fields, setFields] = useState<Fields>({ ...FRESH, connection: ready[0]?.id ?? null });
  const set = (change: Partial<Fields>) => setFields((before) => ({ ...before, ...change }));
  const reach = useReach(project, cohort, fields.connection);
  const identifiers = reach.data ? Object.values(reach.data.identifiers) : null;
  const forecast = useForecast(project, draftOf(cohort, fields, identifiers));
  if (!accounts.length) return <NoAccount tile={tile} project={project} then={then} />;
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Stack gap="md">
          <Card>
            <Radio.Group
              label={<Title order={2}>{tile.name}: the account</Title>}
              value={fields.connection}
              onChange={(connection) => set({ connection })}
            >
              <Stack gap="xs" mt="sm">
                {accounts.map((each) => (
                  <Radio
                    key={each.id}
                    value={each.id}
                    disabled={each.paused !== null}
                    label={each.name}
                    description={each.paused ? `Paused: ${each.paused}` : `${words.advertiser} ${each.advertiser}`}
                  />
                ))}
              </Stack>
            </Radio.Group>
          </Card>
          <Cadence fields={fields} set={set} forecast={forecast.data} tells={tells} />
          <Group justify="space-between">
            <Button variant="default" onClick={onBack}>
              Back
            </Button>
            <SaveSync project={project} draft={draftOf(cohort, fields, null)} split={splitOf(fields)} />
          </Group>
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        <FirstSend reach={reach} forecast={forecast} />
      </Grid.Col>
    </Grid>
  );
}

function NoAccount({ tile, project, then }: { tile: Tile; project: string; then: string }) {
  const to = sent(`/projects/${project}/catalog/destinations/${tile.kind}/new`, then);
  return (
    <Empty
      icon={IconPlugConnected}
      title={`No account at ${tile.name} yet`}
      action={
        <Button component={Link} to={to}>
          {words.add}
        </Button>
      }
    >
      An account says to which advertiser the cohort goes, and by which identifiers. When it is saved you come back here.
    </Empty>
  );
}
