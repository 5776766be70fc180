/** One segment: how many, run by run; until when they stay; whether that is enough at the platform, and what to do there. */
import { Alert, Anchor, Button, Card, Grid, Group, List, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link, useParams } from "react-router";
import { sentence } from "../../api/client";
import { useNames } from "../../api/names";
import { useProject } from "../../api/session";
import { cadences, idTypesShort, places, refreshes, words } from "../../labels";
import { Bars } from "../../parts/Bars";
import { ago, count, many, moment } from "../../parts/figures";
import { Page } from "../../parts/Page";
import { Asked } from "../../parts/States";
import { Status } from "../../parts/Status";
import { Again } from "../runs/Again";
import { DryRun } from "../runs/DryRun";
import { RunTable } from "../runs/Runs";
import { healthOf } from "../syncs/health";
import { type Portrait, useIncidents, useSegment } from "../syncs/queries";
import { AtThePlatform } from "./AtThePlatform";
import { Pausing } from "./Pausing";
import { Trace } from "./Trace";

export function Component() {
  const project = useProject();
  const { sync = "" } = useParams();
  return <Asked of={useSegment(project, sync)}>{(found) => <Shown found={found} project={project} />}</Asked>;
}

const DAY = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone: "UTC" });
const RUNS = 8;

function Shown({ found, project }: { found: Portrait; project: string }) {
  const { sync } = found.segment;
  const base = `/projects/${project}`;
  const names = useNames(project);
  const wrong = useIncidents(project).data?.items.filter((each) => each.object === sync.id) ?? [];
  const { tone, word } = healthOf(found.segment, wrong);
  return (
    <Page
      title={sync.segment}
      crumbs={[{ label: places.syncs, to: `${base}/syncs` }]}
      beside={<Status tone={tone}>{word}</Status>}
      actions={
        <>
          <Button
            component={Link}
            to={`${base}/segments/${sync.id}/lift`}
            variant="default"
            leftSection={<IconScale size={16} />}
          >
            {words.lift}
          </Button>
          <Pausing project={project} segment={found.segment} />
          <DryRun project={project} sync={sync.id} />
          {sync.state !== "paused" && <Again project={project} sync={sync.id} split={sync.only?.split} />}
        </>
      }
      about={
        <>
          Cohort{" "}
          <Anchor underline="always" component={Link} to={`${base}/cohorts/${sync.cohort}`}>
            {names.cohort(sync.cohort)}
          </Anchor>
          , {cadences[sync.cadence]?.toLowerCase()}, through the account {names.account(sync.connection)} (advertiser{" "}
          {found.segment.advertiser || "unknown"}).
          {sync.only && ` People whose ${sync.only.property} is ${sync.only.value}: a part of the split ${sync.only.split}.`}
          {sync.holdout && ` ${sync.holdout.percent} percent of the people are held out.`}
        </>
      }
    >
      {wrong.map((each) => (
        <Alert key={each.id} color="yellow" title={`Found ${ago(each.opened_at)}`}>
          {sentence(new Error(each.sentence))}
        </Alert>
      ))}
      <Figures found={found} />
      <Charts found={found} />
      <Enough found={found} />
      {found.sizes.length > 0 && <AtThePlatform found={found} />}
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2}>Runs</Title>
          <Anchor component={Link} to={`${base}/runs?sync=${sync.id}`} size="sm">
            All runs
          </Anchor>
        </Group>
        {found.points.length ? (
          <RunTable
            runs={found.points.slice(0, RUNS).map((each) => ({ ...each.run, tallies: each.tallies }))}
            project={project}
            ofOne
          />
        ) : (
          <Nothing>There is no run yet.</Nothing>
        )}
      </Stack>
      <Trace project={project} />
    </Page>
  );
}

/** How many there were, who came and went, and when those who are there would go. */
function Charts({ found }: { found: Portrait }) {
  const runs = found.points.filter((each) => each.holds !== null).toReversed();
  const first = runs[0];
  const filled = runs.length > 1 && first && first.holds === first.tallies.add?.accepted ? first : null;
  const moved = filled ? runs.slice(1) : runs;
  const bar = ({ run }: (typeof runs)[number], value: number) => ({ id: run.id, label: moment(run.opened_at), value });
  return (
    <Grid gap="lg">
      <Chart title="Size, run by run">
        {first ? (
          <Bars title="Identifiers after each run" bars={runs.map((each) => bar(each, each.holds ?? 0))} />
        ) : (
          <Nothing>Nothing was sent yet.</Nothing>
        )}
      </Chart>
      <Chart title="Who came and went">
        {first ? (
          <Bars
            title="Identifiers added and removed by each run"
            names={["Added", "Removed"]}
            bars={moved.map((each) => ({
              ...bar(each, each.tallies.add?.accepted ?? 0),
              below: each.tallies.remove?.accepted ?? 0,
            }))}
          />
        ) : (
          <Nothing>Nobody came or went yet.</Nothing>
        )}
        {filled && <Nothing>{`After the first run, which added ${count(filled.holds)}.`}</Nothing>}
      </Chart>
      <Chart title="When they would expire">
        {found.by_day.length ? (
          <Bars
            title="Identifiers that expire on each day unless they are renewed"
            bars={found.by_day.map(({ day, count: value }) => ({ id: day, label: DAY.format(new Date(day)), value }))}
          />
        ) : (
          <Nothing>Nobody is in it.</Nothing>
        )}
      </Chart>
    </Grid>
  );
}

function Chart({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Grid.Col span={{ base: 12, md: 6, lg: 4 }}>
      <Card h="100%">
        <Title order={2} mb="sm">
          {title}
        </Title>
        {children}
      </Card>
    </Grid.Col>
  );
}

function Nothing({ children }: { children: string }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}

function Figures({ found }: { found: Portrait }) {
  const { next, segment, uncertain } = found;
  const saved = found.saved_requests;
  const types = found.by_type.map((each) => `${idTypesShort[each.type] ?? each.type} ${count(each.count)}`).join(", ");
  return (
    <SimpleGrid cols={{ base: 1, sm: 3 }}>
      <Figure word="Identifiers in it" value={count(found.count)}>
        {`${uncertain ? `${count(uncertain)} of them in doubt: an answer was lost.` : "As far as the answers say."} ${types}`}
      </Figure>
      <Figure word="Next run" value={next ? ago(next.at) : "–"}>
        {next
          ? `${moment(next.at)}. It renews ${count(next.due)} in ${many(next.requests, "request", "requests")}.`
          : segment.sync.state === "active"
            ? "It runs when you run it."
            : `The sync is ${segment.sync.state}.`}
      </Figure>
      <Figure word="Time to live" value={many(segment.sync.ttl_days, "day", "days")}>
        {`Renewed: ${(refreshes[segment.sync.refresh] ?? "").toLowerCase()}.${saved ? ` That saved ${many(saved, "request", "requests")} so far.` : ""}`}
      </Figure>
    </SimpleGrid>
  );
}

function Figure({ word, value, children }: { word: string; value: string; children: string }) {
  return (
    <Card>
      <Text size="sm" c="dimmed">
        {word}
      </Text>
      <Text fz={26} fw={620} className="figure">
        {value}
      </Text>
      <Text size="sm" c="dimmed">
        {children}
      </Text>
    </Card>
  );
}

/** Where the platform would count and is not asked, what was sent is the most that it can be. */
function fits({ enough, active, asked }: Portrait["sizes"][number]) {
  if (enough && active && !asked) return "Perhaps";
  return enough ? "Enough" : "Too small";
}

/** What it is large enough for, and the next steps at the platform. */
function Enough({ found }: { found: Portrait }) {
  if (!found.sizes.length) return null;
  return (
    <Card>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Title order={2} mb="sm">
            Is it large enough?
          </Title>
          <Stack gap="xs">
            {found.sizes.map((each) => (
              <Group key={each.use} gap="sm" wrap="nowrap" align="flex-start">
                <Status tone={each.enough ? "good" : "waiting"}>{fits(each)}</Status>
                <Text size="sm">
                  {each.sentence} {each.asked && `It saw ${count(each.count)}.`}
                </Text>
              </Group>
            ))}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Title order={2} mb="sm">
            What to do there
          </Title>
          <List size="sm" type="ordered" spacing={4}>
            {found.afterwards.map((each) => (
              <List.Item key={each}>{each}</List.Item>
            ))}
          </List>
        </Grid.Col>
      </Grid>
    </Card>
  );
}
