/** How all syncs do, over all projects one may see; what needs somebody first. */
import { Alert, Anchor, Card, Group, List, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconRefresh } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { Link } from "react-router";
import { sentence } from "../../api/client";
import { useProjects } from "../../api/session";
import { places } from "../../labels";
import { ago, count, many } from "../../parts/figures";
import { Page } from "../../parts/Page";
import { Asked, Empty, Failure, Loading } from "../../parts/States";
import { Status, type Tone } from "../../parts/Status";
import { type Health, healthOf, type Incident } from "../syncs/health";
import { askIncidents, askSegments, type Segment } from "../syncs/queries";
import { SyncTable } from "../syncs/SyncTable";

export function Component() {
  const projects = useProjects();
  return (
    <Page title={places.overview} about="All projects you may see. What needs somebody stands first.">
      <Asked of={projects}>{({ items }) => <All projects={items} />}</Asked>
    </Page>
  );
}

const WORDS: { word: string; tone: Tone }[] = [
  { word: "Healthy", tone: "good" },
  { word: "Late", tone: "warning" },
  { word: "Held", tone: "warning" },
  { word: "Failing", tone: "bad" },
  { word: "About to expire", tone: "warning" },
];

function All({ projects }: { projects: { id: string; name: string }[] }) {
  const found = useQueries({ queries: projects.map(({ id }) => askSegments(id)) });
  const wrong = useQueries({ queries: projects.map(({ id }) => askIncidents(id)) });
  const broken = found.find((each) => each.error && !each.data);
  if (broken) return <Failure error={broken.error} again={() => void broken.refetch()} />;
  if (found.some((each) => !each.data)) return <Loading />;
  const rated = projects.map((project, place) => {
    const incidents = wrong[place]?.data ?? [];
    const page = found[place]?.data;
    return { project, incidents, more: Boolean(page?.next), segments: ranked(page?.items ?? [], incidents) };
  });
  const all = rated.flatMap((each) => each.segments);
  if (!all.length) {
    return (
      <Empty icon={IconRefresh} title="Nothing is synced yet">
        Open a cohort and click Sync.
      </Empty>
    );
  }
  return (
    <Stack gap="lg">
      <Counts health={all.map((each) => each.health)} />
      {rated
        .filter((each) => each.segments.length || each.incidents.length)
        .map(({ project, incidents, more, segments }) => (
          <Stack gap="sm" key={project.id}>
            <Group justify="space-between">
              <Title order={2}>{project.name}</Title>
              <Anchor component={Link} to={`/projects/${project.id}/syncs`} size="sm">
                All syncs
              </Anchor>
            </Group>
            <Wrong incidents={incidents} />
            {more && <Text size="sm">It has many syncs; the first 200 are counted here. What is wrong is told of all.</Text>}
            <SyncTable segments={segments.slice(0, 10).map((each) => each.segment)} project={project.id} />
          </Stack>
        ))}
    </Stack>
  );
}

function ranked(segments: Segment[], incidents: Incident[]): { segment: Segment; health: Health }[] {
  return segments
    .map((segment) => ({ segment, health: healthOf(segment, incidents) }))
    .toSorted((one, other) => one.health.rank - other.health.rank);
}

function Counts({ health }: { health: Health[] }) {
  return (
    <SimpleGrid cols={{ base: 2, sm: 5 }}>
      {WORDS.map(({ word, tone }) => (
        <Card key={word} padding="sm">
          <Text fz={26} fw={620} className="figure">
            {count(health.filter((each) => each.word === word).length)}
          </Text>
          <Status tone={tone}>{word}</Status>
        </Card>
      ))}
    </SimpleGrid>
  );
}

const SHOWN = 5;

/** What is wrong now, in the server's own sentences. */
function Wrong({ incidents }: { incidents: Incident[] }) {
  if (!incidents.length) return null;
  return (
    <Alert
      color="yellow"
      icon={<IconAlertTriangle size={18} />}
      title={many(incidents.length, "thing is wrong", "things are wrong")}
    >
      <List size="sm" spacing={4}>
        {incidents.slice(0, SHOWN).map((each) => (
          <List.Item key={each.id}>
            {sentence(new Error(each.sentence))}{" "}
            <Text span size="sm" c="dimmed">
              Found {ago(each.opened_at)}.
            </Text>
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
