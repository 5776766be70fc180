/** One run: live while it goes on, then the way from people to the platform, to the last identifier. */
import { Alert, Anchor, Button, Card, Grid, Group, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { Link, useParams } from "react-router";
import { sentence } from "../../api/client";
import { useNames } from "../../api/names";
import { useProject } from "../../api/session";
import { operations, outcomes, phases, places, runKinds } from "../../labels";
import { useAnnounced } from "../../parts/Announcer";
import { ago, count, many, moment, span } from "../../parts/figures";
import { Page } from "../../parts/Page";
import { Asked } from "../../parts/States";
import { Again } from "./Again";
import { Batches } from "./Batches";
import { Cancel } from "./Cancel";
import { Funnel } from "./Funnel";
import { Held } from "./Held";
import { Live } from "./Live";
import { type Report, useRun } from "./queries";
import { Refusals } from "./Refusals";
import { RunStatus } from "./RunStatus";
import { isUnderWay } from "./words";

export function Component() {
  const project = useProject();
  const { run = "" } = useParams();
  return <Asked of={useRun(project, run)}>{(report) => <Shown report={report} project={project} />}</Asked>;
}

function Shown({ report, project }: { report: Report; project: string }) {
  const { run, segment, advertiser } = report;
  const base = `/projects/${project}`;
  const names = useNames(project);
  useAnnounced(heard(report));
  return (
    <Page
      title={`Run of ${names.cohort(run.cohort)}`}
      crumbs={[
        { label: places.runs, to: `${base}/runs` },
        { label: names.sync(run.sync), to: `${base}/runs?sync=${run.sync}` },
      ]}
      beside={<RunStatus run={run} />}
      actions={
        isUnderWay(run) ? (
          <Cancel project={project} report={report} />
        ) : (
          <>
            <Button component={Link} to={`${base}/segments/${run.sync}`} variant="default">
              See the segment
            </Button>
            {run.kind === "sync" && run.state === "closed" && <Again project={project} sync={run.sync} />}
          </>
        )
      }
      about={
        <>
          Cohort{" "}
          <Anchor underline="always" component={Link} to={`${base}/cohorts/${run.cohort}`}>
            {names.cohort(run.cohort)}
          </Anchor>{" "}
          to the segment{" "}
          <Anchor underline="always" component={Link} to={`${base}/segments/${run.sync}`}>
            {segment}
          </Anchor>{" "}
          of advertiser {advertiser}. {opened(report)}
        </>
      }
    >
      {isUnderWay(run) && <Live report={report} />}
      {run.state === "held" && <Held report={report} project={project} />}
      {run.state === "settling" && report.settles_at && (
        <Alert color="blue" title="Not settled yet">
          An earlier request that said the contrary was never answered, and may still be applied. Some are sent again after{" "}
          {moment(report.settles_at)}, by itself.
        </Alert>
      )}
      {run.outcome === "dry" && <Dry report={report} />}
      {run.reason && run.state === "closed" && (
        <Alert color={run.outcome === "failed" || run.outcome === "incomplete" ? "red" : "gray"} title="Why it ended so">
          {sentence(new Error(run.reason))}
        </Alert>
      )}
      <BothSides report={report} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7 }}>{report.funnel.length > 0 && <Funnel steps={report.funnel} />}</Grid.Col>
        <Grid.Col span={{ base: 12, md: report.funnel.length ? 5 : 12 }}>
          <Account report={report} />
        </Grid.Col>
      </Grid>
      {report.account.rejected > 0 && <Refusals project={project} run={run.id} />}
      {report.requests > 0 && <Batches project={project} run={run.id} requests={report.requests} repeated={report.repeated} />}
    </Page>
  );
}

/** What is said of a run to those who do not see it: its phase, each quarter of what is sent, and how it ended. */
function heard({ run, account }: Report): string {
  if (run.outcome) return `The run is over: ${outcomes[run.outcome]}`;
  const quarters = account.planned ? Math.floor((4 * (account.planned - account.not_sent)) / account.planned) : 0;
  return quarters ? `${phases[run.state]}, ${25 * quarters} percent` : phases[run.state];
}

/** What would come of the plan. */
function Dry({ report }: { report: Report }) {
  const held = report.verdicts.map((each) => sentence(new Error(each.sentence))).join(" ");
  return (
    <Alert color={held ? "yellow" : "blue"} title="A dry run: nothing was sent">
      {held ? `A run would be held. ${held}` : "What is planned below is what a run would have sent."}
    </Alert>
  );
}

function opened({ run }: Report): string {
  const how = run.kind !== "sync" ? `${runKinds[run.kind]}, ` : run.slot ? "By its cadence, " : "By hand, ";
  const missed = run.missed
    ? ` ${many(run.missed, "slot before it", "slots before it")} had no run; this one makes up for all.`
    : "";
  return `${how}${ago(run.opened_at)}, as of ${moment(run.as_of)}.${missed}`;
}

/** What the cohort asks for, and what the segment holds, side by side. */
function BothSides({ report }: { report: Report }) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Card>
        <Title order={2} size="sm" fw={400} c="dimmed">
          In the cohort
        </Title>
        <Group gap="xl">
          <Figure value={report.members} word="people" />
          <Figure value={report.desired} word="identifiers wanted" />
        </Group>
      </Card>
      <Card>
        <Title order={2} size="sm" fw={400} c="dimmed">
          In the segment
        </Title>
        <Group gap="xl">
          <Figure value={report.held} word="before this run" />
          <Figure value={report.holds} word="after it" />
        </Group>
        {report.removal && (
          <Text size="sm">
            {count(report.removal.removed)} identifiers were out within {span(report.removal.median)} of the arrival of the events
            that say so (half of them; 95 of 100 within {span(report.removal.p95)}).
          </Text>
        )}
        {report.lapses_at && (
          <Text size="sm" c="dimmed">
            Unless they are sent again, the first of them expire {ago(report.lapses_at)}.
          </Text>
        )}
      </Card>
    </SimpleGrid>
  );
}

function Figure({ value, word }: { value: number | null; word: string }) {
  return (
    <Stack gap={0}>
      <Text fz={26} fw={620} className="figure">
        {count(value)}
      </Text>
      <Text size="sm" c="dimmed">
        {word}
      </Text>
    </Stack>
  );
}

const OUTCOMES = ["planned", "accepted", "rejected", "unknown", "not_sent"] as const;
const HEADS = { planned: "Planned", accepted: "Accepted", rejected: "Refused", unknown: "Unknown", not_sent: "Not sent" };
const WISHES = ["add", "remove", "refresh"] as const;

/** The exact account: every planned identifier in one of four outcomes. */
function Account({ report }: { report: Report }) {
  const { wishes, tallies, account, unchanged } = report;
  return (
    <Card>
      <Stack gap="sm">
        <Title order={2}>What was asked of the platform</Title>
        {wishes ? (
          <Table horizontalSpacing={8} aria-label="What was asked of the platform">
            <Table.Thead>
              <Table.Tr>
                <Table.Th aria-label="Outcome" />
                {WISHES.map((wish) => (
                  <Table.Th key={wish} className="number">
                    {operations[wish]}
                  </Table.Th>
                ))}
                <Table.Th className="number">Together</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {OUTCOMES.map((name) => (
                <Table.Tr key={name}>
                  <Table.Th scope="row" fz="sm" fw={400} c="var(--mantine-color-text)">
                    {HEADS[name]}
                  </Table.Th>
                  {WISHES.map((wish) => (
                    <Table.Td key={wish} className="number">
                      {count(tallies[wish]?.[name] ?? (planned(name) ? wishes[wish] : 0))}
                    </Table.Td>
                  ))}
                  <Table.Td className="number" fw={600}>
                    {count(account.planned || !planned(name) ? account[name] : together(wishes))}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        ) : (
          <Text size="sm" c="dimmed">
            There is no plan yet.
          </Text>
        )}
        {unchanged !== null && unchanged > 0 && (
          <Text size="sm" c="dimmed">
            {many(unchanged, "identifier stays", "identifiers stay")} and have time left: nothing was sent for them.
          </Text>
        )}
      </Stack>
    </Card>
  );
}

/** Before a batch is laid, what is planned is what is not sent. */
function planned(name: (typeof OUTCOMES)[number]): boolean {
  return name === "planned" || name === "not_sent";
}

function together(wishes: NonNullable<Report["wishes"]>): number {
  return WISHES.reduce((sum, wish) => sum + (wishes[wish] ?? 0), 0);
}
