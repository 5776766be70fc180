/** Every request of a run with its answers; asked for when somebody opens it. */
import { Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { Shape } from "../../api/client";
import { answers, batchStates, idTypesShort, operations } from "../../labels";
import { count, many } from "../../parts/figures";
import { More } from "../../parts/More";
import { Asked } from "../../parts/States";
import { useBatches } from "./queries";

const CLOCK = new Intl.DateTimeFormat("en", { timeStyle: "medium", hour12: false });

interface Props {
  project: string;
  run: string;
  requests: number;
  repeated: number;
}

export function Batches({ project, run, requests, repeated }: Props) {
  const [open, setOpen] = useState(false);
  const batches = useBatches(project, run, open);
  const again = repeated ? `, ${count(repeated)} of them repeated` : "";
  return (
    <Card>
      <Stack gap="sm">
        <Group justify="space-between">
          <div>
            <Title order={2}>Requests</Title>
            <Text size="sm" c="dimmed">
              {many(requests, "request", "requests")}
              {again}.
            </Text>
          </div>
          {!open && (
            <Button size="xs" variant="default" onClick={() => setOpen(true)}>
              Show requests
            </Button>
          )}
        </Group>
        {open && (
          <Asked of={batches} lines={3}>
            {({ pages }) => (
              <>
                <BatchTable batches={pages.flatMap((page) => page.items)} />
                <More of={batches} />
              </>
            )}
          </Asked>
        )}
      </Stack>
    </Card>
  );
}

function BatchTable({ batches }: { batches: Shape<"BatchView">[] }) {
  return (
    <Table.ScrollContainer minWidth={680} type="native" tabIndex={0}>
      <Table aria-label="Requests">
        <Table.Thead>
          <Table.Tr>
            <Table.Th className="number">Batch</Table.Th>
            <Table.Th>Wish</Table.Th>
            <Table.Th>Kind</Table.Th>
            <Table.Th className="number">Identifiers</Table.Th>
            <Table.Th className="number">Accepted</Table.Th>
            <Table.Th>Answers</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {batches.map((each) => (
            <Table.Tr key={each.number}>
              <Table.Td className="number">{each.number + 1}</Table.Td>
              <Table.Td>
                {operations[each.operation]}
                {each.again ? ", again" : ""}
              </Table.Td>
              <Table.Td>{idTypesShort[each.id_type] ?? each.id_type}</Table.Td>
              <Table.Td className="number">{count(each.rows)}</Table.Td>
              <Table.Td className="number">{count(each.accepted)}</Table.Td>
              <Table.Td>
                {each.attempts.length ? (
                  each.attempts.map((one) => <Answer key={one.number} attempt={one} />)
                ) : (
                  <Text size="sm" c="dimmed">
                    {batchStates[each.state]}
                  </Text>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Answer({ attempt }: { attempt: Shape<"AttemptView"> }) {
  const taken = new Date(attempt.answered_at).getTime() - new Date(attempt.sent_at).getTime();
  return (
    <div>
      <Text size="sm">
        {CLOCK.format(new Date(attempt.sent_at))} {answers[attempt.answer]}
        {attempt.status ? ` (${attempt.status})` : ""}, {count(taken)} ms
      </Text>
      {attempt.note && (
        <Text size="xs" c="dimmed">
          {attempt.note}
        </Text>
      )}
    </div>
  );
}
