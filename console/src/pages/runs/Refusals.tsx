/** What the platform refused, in its own words, and what to do about it. */
import { Button, Card, Code, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/session";
import { idTypesShort, operations } from "../../labels";
import { count } from "../../parts/figures";
import { More } from "../../parts/More";
import { Asked } from "../../parts/States";
import { useRefusals } from "./queries";

export function Refusals({ project, run }: { project: string; run: string }) {
  const { may } = useMay("manager");
  const [shown, setShown] = useState(false);
  return (
    <Card>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2}>Refused by the platform</Title>
          {may && !shown && (
            <Button size="xs" variant="default" onClick={() => setShown(true)}>
              Show identifiers
            </Button>
          )}
        </Group>
        <Asked of={useRefusals(project, run, true)} lines={2}>
          {(found) => (
            <Stack gap="xs">
              {found.map((each) => (
                <Group key={each.code} gap="sm" align="baseline" wrap="nowrap">
                  <Text className="figure" fw={600} miw={56} ta="right">
                    {count(each.count)}
                  </Text>
                  <Text size="sm">
                    <Code>{each.code}</Code> {each.advice}
                  </Text>
                </Group>
              ))}
            </Stack>
          )}
        </Asked>
        {shown && <Identifiers project={project} run={run} />}
      </Stack>
    </Card>
  );
}

function Identifiers({ project, run }: { project: string; run: string }) {
  const found = useInfiniteQuery({
    queryKey: ["refused", project, run],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: cursor }) => {
      const params = { path: { project, run }, query: { cursor, limit: 100 } };
      return answer(api.GET("/api/v1/projects/{project}/runs/{run}/refused", { params }));
    },
    getNextPageParam: (page) => page.next,
  });
  return (
    <Asked of={found} lines={3}>
      {({ pages }) => (
        <Stack gap="sm">
          <Table.ScrollContainer minWidth={520} type="native" tabIndex={0}>
            <Table aria-label="Refused identifiers">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Identifier</Table.Th>
                  <Table.Th>Kind</Table.Th>
                  <Table.Th>Wish</Table.Th>
                  <Table.Th>Code</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {pages
                  .flatMap((page) => page.items)
                  .map((one) => (
                    <Table.Tr key={`${one.identifier} ${one.operation}`}>
                      <Table.Td>
                        <Code>{one.identifier}</Code>
                      </Table.Td>
                      <Table.Td>{idTypesShort[one.id_type] ?? one.id_type}</Table.Td>
                      <Table.Td>{operations[one.operation] ?? one.operation}</Table.Td>
                      <Table.Td>{one.code}</Table.Td>
                    </Table.Tr>
                  ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <More of={found} />
        </Stack>
      )}
    </Asked>
  );
}
