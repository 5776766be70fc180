/** How all syncs do, over all projects one may see; what needs somebody first. */
import { Anchor, Card, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { Link } from "react-router";
import { answer, api } from "../../api/client";
import { useProjects } from "../../api/session";
import { places } from "../../labels";
import { count } from "../../parts/figures";
import { Page } from "../../parts/Page";
import { Asked, Empty, Failure, Loading } from "../../parts/States";
import { Status, type Tone } from "../../parts/Status";
import { type Health, healthOf } from "../syncs/health";
import { type Segment, segmentsOf } from "../syncs/queries";
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
  const found = useQueries({
    queries: projects.map(({ id }) => ({
      queryKey: segmentsOf(id),
      refetchInterval: 15_000,
      queryFn: () =>
        answer(api.GET("/api/v1/projects/{project}/segments", { params: { path: { project: id }, query: { limit: 200 } } })),
    })),
  });
  const broken = found.find((each) => each.error && !each.data);
  if (broken) return <Failure error={broken.error} again={() => void broken.refetch()} />;
  if (found.some((each) => !each.data)) return <Loading />;
  const rated = projects.map((project, place) => ({ project, segments: ranked(found[place]?.data?.items ?? []) }));
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
        .filter((each) => each.segments.length)
        .map(({ project, segments }) => (
          <Stack gap="sm" key={project.id}>
            <Group justify="space-between">
              <Title order={2}>{project.name}</Title>
              <Anchor component={Link} to={`/projects/${project.id}/syncs`} size="sm">
                All syncs
              </Anchor>
            </Group>
            <SyncTable segments={segments.slice(0, 10).map((each) => each.segment)} project={project.id} />
          </Stack>
        ))}
    </Stack>
  );
}

function ranked(segments: Segment[]): { segment: Segment; health: Health }[] {
  return segments
    .map((segment) => ({ segment, health: healthOf(segment) }))
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
