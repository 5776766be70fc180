/** How all syncs do, over all projects one may see; what needs somebody first. */
import { Alert, Anchor, Card, Group, List, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconRefresh } from "@tabler/icons-react";
import { Link } from "react-router";
import { type Shape, sentence } from "../../api/client";
import { useNames } from "../../api/names";
import { useProject, useProjects } from "../../api/session";
import { places } from "../../labels";
import { ago, count, many } from "../../parts/figures";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { Status, type Tone } from "../../parts/Status";
import { healthOf, type Incident } from "../syncs/health";
import { type Segment, useFewSegments, useFigures, useIncidents } from "../syncs/queries";
import { SyncTable } from "../syncs/SyncTable";

type Figures = Shape<"FiguresView">;

interface Project {
  id: string;
  name: string;
}

/** What the rows of this project need is asked for beside the figures, not after them. */
export function Component() {
  const projects = useProjects();
  const figures = useFigures();
  const here = useProject();
  useIncidents(here);
  useFewSegments(here, ROWS);
  useNames(here);
  return (
    <Page title={places.overview} about="All projects you may see. What needs somebody stands first.">
      <Asked of={projects}>
        {({ items }) => <Asked of={figures}>{(found) => <All projects={items} figures={found} />}</Asked>}
      </Asked>
    </Page>
  );
}

const COUNTED: { name: "healthy" | "late" | "held" | "failing" | "expiring"; word: string; tone: Tone }[] = [
  { name: "healthy", word: "Healthy", tone: "good" },
  { name: "late", word: "Late", tone: "warning" },
  { name: "held", word: "Held", tone: "warning" },
  { name: "failing", word: "Failing", tone: "bad" },
  { name: "expiring", word: "About to expire", tone: "warning" },
];

/** Projects whose syncs are listed; of the others their number is told. */
const OPEN = 5;

/** Rows of a project. */
const ROWS = 10;

function All({ projects, figures }: { projects: Project[]; figures: Figures[] }) {
  const rated = projects
    .map((project) => {
      const mine = figures.filter((each) => each.project === project.id);
      return { project, syncs: sum(mine, "syncs"), wrong: TROUBLES.reduce((all, name) => all + sum(mine, name), 0) };
    })
    .filter(({ syncs }) => syncs > 0)
    .toSorted((one, other) => other.wrong - one.wrong);
  if (!rated.length) {
    return (
      <Empty icon={IconRefresh} title="Nothing is synced yet">
        Open a cohort and click Sync.
      </Empty>
    );
  }
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 2, sm: 5 }}>
        {COUNTED.map(({ name, word, tone }) => (
          <Card key={name} padding="sm">
            <Text fz={26} fw={620} className="figure">
              {count(sum(figures, name))}
            </Text>
            <Status tone={sum(figures, name) ? tone : "none"}>{word}</Status>
          </Card>
        ))}
      </SimpleGrid>
      {rated.map(({ project, syncs, wrong }, place) => (
        <Stack gap="sm" key={project.id}>
          <Group justify="space-between">
            <Title order={2}>{project.name}</Title>
            <Anchor component={Link} to={`/projects/${project.id}/syncs`} size="sm">
              {many(syncs, "sync", "syncs")}
            </Anchor>
          </Group>
          {place < OPEN || wrong ? <Syncs project={project.id} /> : null}
        </Stack>
      ))}
    </Stack>
  );
}

const TROUBLES = ["late", "held", "failing", "expiring"] as const;

function sum(figures: Figures[], name: "syncs" | (typeof COUNTED)[number]["name"]): number {
  return figures.reduce((all, each) => all + each[name], 0);
}

/** What is wrong in a project, and its syncs: those it is about first. */
function Syncs({ project }: { project: string }) {
  const incidents = useIncidents(project).data?.items ?? [];
  const about = [...new Set(incidents.map((each) => each.object))].slice(0, ROWS);
  const wrong = useFewSegments(project, ROWS, about);
  const first = useFewSegments(project, ROWS);
  return (
    <>
      <Wrong incidents={incidents} project={project} />
      <Asked of={first} lines={3}>
        {({ items }) => <SyncTable segments={ranked([...(wrong.data?.items ?? []), ...items], incidents)} project={project} />}
      </Asked>
    </>
  );
}

function ranked(segments: Segment[], incidents: Incident[]): Segment[] {
  const once = [...new Map(segments.map((each) => [each.sync.id, each])).values()];
  const rank = (each: Segment) => healthOf(each, incidents).rank;
  return once.toSorted((one, other) => rank(one) - rank(other)).slice(0, ROWS);
}

const SHOWN = 5;

/** What is wrong now, in the server's own sentences. */
function Wrong({ incidents, project }: { incidents: Incident[]; project: string }) {
  const names = useNames(project);
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
            <Told incident={each} segment={names.segment(each.object)} to={`/projects/${project}/segments/${each.object}`} />{" "}
            <Text span size="sm" c="dimmed">
              Found {ago(each.opened_at)}.
            </Text>
          </List.Item>
        ))}
      </List>
      {incidents.length > SHOWN && (
        <Text size="sm" mt={4}>
          And {count(incidents.length - SHOWN)} more; each stands on the page of its segment.
        </Text>
      )}
    </Alert>
  );
}

/** Its sentence, in which the name of the segment leads to its page. */
function Told({ incident, segment, to }: { incident: Incident; segment?: string; to: string }) {
  const text = sentence(new Error(incident.sentence));
  const [before, after] = segment ? text.split(`'${segment}'`, 2) : [text];
  if (after === undefined) return text;
  return (
    <>
      {before}
      <Anchor c="inherit" underline="always" component={Link} to={to} size="sm">
        {segment}
      </Anchor>
      {after}
    </>
  );
}
