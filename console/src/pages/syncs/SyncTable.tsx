/** Syncs as rows: what goes where, how often, how many are there, and how it does. */
import { Box, Table, Text } from "@mantine/core";
import { Link } from "react-router";
import { cadences } from "../../labels";
import { ago, count, moment } from "../../parts/figures";
import { Status } from "../../parts/Status";
import { healthOf, type Incident } from "./health";
import { type Segment, useIncidents } from "./queries";

export function SyncTable({ segments, project }: { segments: Segment[]; project: string }) {
  const base = `/projects/${project}`;
  const incidents = useIncidents(project).data;
  return (
    <Table.ScrollContainer minWidth={780} className="sheet">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Segment</Table.Th>
            <Table.Th visibleFrom="sm">State</Table.Th>
            <Table.Th>Cadence</Table.Th>
            <Table.Th className="number">Identifiers</Table.Th>
            <Table.Th>Last run</Table.Th>
            <Table.Th>Account</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {segments.map((each) => (
            <Row key={each.sync.id} segment={each} incidents={incidents} base={base} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ segment, incidents, base }: { segment: Segment; incidents?: Incident[]; base: string }) {
  const { sync, last } = segment;
  const { tone, word } = healthOf(segment, incidents);
  return (
    <Table.Tr>
      <Table.Td>
        <Link className="row" to={`${base}/segments/${sync.id}`}>
          {sync.segment}
        </Link>
        <Text size="xs" c="dimmed">
          Cohort {sync.cohort}
        </Text>
        <Box hiddenFrom="sm" mt={4}>
          <Status tone={tone}>{word}</Status>
        </Box>
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Status tone={tone}>{word}</Status>
      </Table.Td>
      <Table.Td>{cadences[sync.cadence]}</Table.Td>
      <Table.Td className="number">{count(segment.holds)}</Table.Td>
      <Table.Td>
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
      <Table.Td>{sync.connection}</Table.Td>
    </Table.Tr>
  );
}
