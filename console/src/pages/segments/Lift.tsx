/** What sending to a segment does: those who were sent beside those who were held out, by what they did since. */
import {
  Alert,
  Autocomplete,
  Button,
  Card,
  Group,
  NumberInput,
  SimpleGrid,
  Stack,
  Switch,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useParams, useSearchParams } from "react-router";
import { answer, api, type Shape } from "../../api/client";
import { useProject } from "../../api/session";
import { places, words } from "../../labels";
import { amount, count, many, moment, more, points, share } from "../../parts/figures";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { Status } from "../../parts/Status";
import { useWords } from "../cohorts/queries";
import { type Portrait, useSegment } from "../syncs/queries";
import { HeldOut } from "./HeldOut";
import { Interval } from "./Interval";

type Found = Shape<"LiftView">;
type Difference = Shape<"ArmDifferenceView">;

export function Component() {
  const project = useProject();
  const { sync = "" } = useParams();
  return <Asked of={useSegment(project, sync)}>{(found) => <Shown found={found} project={project} />}</Asked>;
}

function Shown({ found, project }: { found: Portrait; project: string }) {
  const { sync } = found.segment;
  const base = `/projects/${project}`;
  return (
    <Page
      title={words.lift}
      crumbs={[
        { label: places.syncs, to: `${base}/syncs` },
        { label: sync.segment, to: `${base}/segments/${sync.id}` },
      ]}
      about={found.trial && since(found.trial, sync.holdout?.percent)}
      actions={found.trial && sync.state !== "ended" && <HeldOut project={project} sync={sync} sent />}
    >
      {found.trial ? <Compare project={project} sync={sync} /> : <NotBegun found={found} project={project} />}
    </Page>
  );
}

function since(trial: NonNullable<Portrait["trial"]>, percent: number | undefined): string {
  const who = `${many(trial.people, "person takes", "people take")} part since ${moment(trial.began_at)}`;
  return percent
    ? `${who}. By lot, ${percent} in 100 of them are held out of the segment; they differ in nothing else from those who are sent.`
    : `${who}. Nobody is held out any more.`;
}

/** Nobody takes part yet: what it is, and the step that begins it. */
function NotBegun({ found, project }: { found: Portrait; project: string }) {
  const { sync, holds } = found.segment;
  if (sync.holdout) {
    return (
      <Empty icon={IconScale} title="It begins with the next run">
        {`${sync.holdout.percent} in 100 people will be held out of the segment, by lot. What they do is compared with what the others do.`}
      </Empty>
    );
  }
  return (
    <Empty
      icon={IconScale}
      title="Nobody is held out of this segment"
      action={sync.state !== "ended" && <HeldOut project={project} sync={sync} sent={holds > 0} />}
    >
      Hold a tenth of the people out, by lot. Those who are sent and those who are not then differ in nothing else, and what they
      do later shows what the advertising brings.
    </Empty>
  );
}

interface Question {
  event: string;
  value: string;
  days: string;
}

/** What to compare by is in the address, so that it can be kept and sent to somebody. */
function Compare({ project, sync: part }: { project: string; sync: Portrait["segment"]["sync"] }) {
  const [search, setSearch] = useSearchParams();
  const [whole, setWhole] = useState(part.only !== null);
  const sync = part.only && whole ? part.only.split : part.id;
  const asked: Question = { event: search.get("event") ?? "", value: search.get("value") ?? "", days: search.get("days") ?? "" };
  const found = useQuery({
    queryKey: ["lift", project, sync, asked],
    enabled: asked.event !== "",
    retry: false,
    queryFn: () => {
      const query = { event: asked.event, value: asked.value || null, days: asked.days ? Number(asked.days) : null };
      return answer(api.GET("/api/v1/projects/{project}/syncs/{sync}/lift", { params: { path: { project, sync }, query } }));
    },
  });
  const ask = (next: Question) => setSearch(Object.fromEntries(Object.entries(next).filter(([, text]) => text)));
  return (
    <>
      {part.only && (
        <Switch
          label={`All parts of the split ${part.only.split}`}
          checked={whole}
          onChange={(event) => setWhole(event.currentTarget.checked)}
        />
      )}
      <Choose key={search.toString()} project={project} asked={asked} asking={found.isFetching} onAsk={ask} />
      {asked.event ? (
        <Asked of={found}>{(told) => <Told found={told} />}</Asked>
      ) : (
        <Text c="dimmed">Choose what people do who convert. Both arms are counted from each person's first day on.</Text>
      )}
    </>
  );
}

interface Choice {
  project: string;
  asked: Question;
  asking: boolean;
  onAsk: (next: Question) => void;
}

function Choose({ project, asked, asking, onAsk }: Choice) {
  const known = useWords(project).data;
  const [next, setNext] = useState(asked);
  const put = (change: Partial<Question>) => setNext({ ...next, ...change });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onAsk({ ...next, event: next.event.trim(), value: next.value.trim() });
  };
  return (
    <Card component="form" onSubmit={submit}>
      <Group align="flex-end">
        <Autocomplete
          label="They convert by"
          placeholder="Event"
          flex="2 1 200px"
          data={known?.events.map((each) => each.name) ?? []}
          limit={50}
          maxLength={1024}
          value={next.event}
          onChange={(event) => put({ event })}
        />
        <Autocomplete
          label="Worth, a number of it"
          placeholder="None"
          flex="2 1 180px"
          data={known?.event_properties ?? []}
          limit={50}
          maxLength={1024}
          value={next.value}
          onChange={(value) => put({ value })}
        />
        <NumberInput
          label="Within days"
          placeholder="Until now"
          flex="1 1 130px"
          min={1}
          max={365}
          allowDecimal={false}
          value={next.days}
          onChange={(days) => put({ days: String(days) })}
        />
        <Button type="submit" loading={asking} disabled={!next.event.trim()}>
          Compare
        </Button>
      </Group>
    </Card>
  );
}

function Told({ found }: { found: Found }) {
  const notes = [
    found.late && "The sync had sent before it had a holdout: those held out now may have been in the segment before.",
    found.ended && "The sync has sent without a holdout since: people who were held out are in the segment now.",
    found.neither > 0 &&
      `${many(found.neither, "person is", "people are")} in neither arm: the share that is held out was another for a time.`,
  ].filter((each) => typeof each === "string");
  return (
    <Stack gap="lg" aria-live="polite">
      {notes.map((each) => (
        <Alert key={each} color="yellow" title="Mind">
          {each}
        </Alert>
      ))}
      {found.sent.converted + found.held_out.converted === 0 && (
        <Alert color="gray" title={`Nobody of either arm did ${found.event} yet`}>
          Look at how it is written, capitals too, if that cannot be.
        </Alert>
      )}
      <SimpleGrid cols={{ base: 1, md: found.value ? 2 : 1 }}>
        <Effect
          title={`Who did ${found.event}`}
          found={found.conversion}
          arms={`${share(found.sent.rate)} of those sent did, ${share(found.held_out.rate)} of those held out.`}
          said={(value) => `${points(value)} points`}
          short={points}
        />
        {found.value && (
          <Effect
            title={`${found.property} per person`}
            found={found.value}
            arms={`${amount(found.sent.mean)} of those sent, ${amount(found.held_out.mean)} of those held out.`}
            said={more}
            short={more}
          />
        )}
      </SimpleGrid>
      <Arms found={found} />
      <Text maw={720}>{enough(found)}</Text>
      <Text size="sm" c="dimmed" maw={720}>
        Choose the day on which you look before you begin: whoever looks every day and stops at the first difference finds
        differences that are not there.
      </Text>
    </Stack>
  );
}

interface Effects {
  title: string;
  found: Difference;
  /** What each arm did. */
  arms: string;
  /** A difference with its unit, and without. */
  said: (value: number) => string;
  short: (value: number) => string;
}

/** The difference of the arms, whether it can be told from none, and where it lies 19 times of 20. */
function Effect({ title, found, arms, said, short }: Effects) {
  const { difference, high, low, p, relative } = found;
  const sure = low > 0 || high < 0;
  const verdict = !sure ? "No difference can be told" : difference > 0 ? "Sending brings more" : "Sending brings less";
  return (
    <Card>
      <Stack gap="xs">
        <Group justify="space-between">
          <Title order={2}>{title}</Title>
          <Status tone={!sure ? "waiting" : difference > 0 ? "good" : "bad"}>{verdict}</Status>
        </Group>
        <Text fz={28} fw={640} lh={1.1} className="figure">
          {said(difference)}
        </Text>
        <Text size="sm">{arms}</Text>
        <Interval low={low} high={high} at={difference} said={short} />
        <Text size="sm" c="dimmed">
          19 times in 20 the true difference is from {short(low)} to {said(high)} (
          {p < 0.001 ? "p\u00a0<\u00a00.001" : `p\u00a0=\u00a0${amount(p)}`}).
          {relative !== null &&
            difference !== 0 &&
            ` That found is ${share(Math.abs(relative))} ${difference > 0 ? "more" : "less"} than without.`}
        </Text>
      </Stack>
    </Card>
  );
}

function Arms({ found }: { found: Found }) {
  const { sent, held_out: out } = found;
  const rows: [string, string, string][] = [
    ["People", count(sent.people), count(out.people)],
    ["Converted", count(sent.converted), count(out.converted)],
    ["Conversion", share(sent.rate), share(out.rate)],
  ];
  if (found.property) rows.push([`${found.property} per person`, amount(sent.mean), amount(out.mean)]);
  return (
    <div className="sheet">
      <Table aria-label="Sent and held out">
        <Table.Thead>
          <Table.Tr>
            <Table.Th aria-label="Figure" />
            <Table.Th className="number">Sent</Table.Th>
            <Table.Th className="number">Held out</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(([name, ...figures]) => (
            <Table.Tr key={name}>
              <Table.Td>{name}</Table.Td>
              <Table.Td className="number">{figures[0]}</Table.Td>
              <Table.Td className="number">{figures[1]}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

/** Whether there are enough people, and what it takes otherwise. */
function enough({ conversion, days_needed: days, people_needed: people }: Found): string {
  const least = `With this many people a difference in conversion of ${points(conversion.detectable).slice(1)} points or more is found four times in five`;
  if (people === null) return `${least}. None was found.`;
  if (people === 0) return `${least}. The one that was found is as large: there are enough people.`;
  const time = days ? `, about ${many(days, "day", "days")} at the pace so far` : "";
  return `${least}. To be sure of one as small as this takes ${many(people, "more person", "more people")}${time}.`;
}
