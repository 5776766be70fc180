/** Syncs as rows: what goes where, how often, how many are there, and how it does. */
import { Group, Table, Text } from "@mantine/core";
import { Link } from "react-router";
import { type Names, useNames } from "../../api/names";
import { cadences } from "../../labels";
import { ago, count, moment } from "../../parts/figures";
import { Status } from "../../parts/Status";
import { healthOf, type Incident } from "./health";
import { type Segment, useIncidents } from "./queries";

export function SyncTable({ segments, project }: { segments: Segment[]; project: string }) {
  const base = `/projects/${project}`;
  const incidents = useIncidents(project).data?.items;
  const names = useNames(project);
  return (
    <Table.ScrollContainer minWidth={320} className="sheet">
      <Table aria-label="Syncs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Segment</Table.Th>
            <Table.Th visibleFrom="sm">State</Table.Th>
            <Table.Th visibleFrom="sm">Cadence</Table.Th>
            <Table.Th className="number">Identifiers</Table.Th>
            <Table.Th visibleFrom="sm">Last run</Table.Th>
            <Table.Th visibleFrom="md">Account</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {segments.map((each) => (
            <Row key={each.sync.id} segment={each} incidents={incidents} names={names} base={base} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ segment, incidents, names, base }: { segment: Segment; incidents?: Incident[]; names: Names; base: string }) {
  const { sync, last } = segment;
  const { tone, word } = healthOf(segment, incidents);
  return (
    <Table.Tr>
      <Table.Td>
        <Link className="row" to={`${base}/segments/${sync.id}`}>
          {sync.segment}
        </Link>
        <Text size="xs" c="dimmed">
          Cohort {names.cohort(sync.cohort)}
        </Text>
        <Group gap="xs" hiddenFrom="sm" mt={4}>
          <Status tone={tone}>{word}</Status>
          <Text size="xs" c="dimmed">
            {cadences[sync.cadence]}
            {last ? `, ran ${ago(last.opened_at)}` : ""}
          </Text>
        </Group>
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Status tone={tone}>{word}</Status>
      </Table.Td>
      <Table.Td visibleFrom="sm">{cadences[sync.cadence]}</Table.Td>
      <Table.Td className="number">{count(segment.holds)}</Table.Td>
      <Table.Td visibleFrom="sm">
        {last ? (
          <Link className="row" to={`${base}/runs/${last.id}`} title={moment(last.opened_at)}>
            {ago(last.opened_at)}
          </Link>
        ) : (
          <Text size="sm" c="dimmed">
            Never
          </Text>
        )}
      </Table.Td>
      <Table.Td visibleFrom="md">{names.account(sync.connection)}</Table.Td>
    </Table.Tr>
  );
}
