/** Who did what in the project, the newest first. */
import { Stack, Table, Text } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useMay } from "../../api/session";
import { ago, moment } from "../../parts/figures";
import { More } from "../../parts/More";
import { OnlyFor } from "../../parts/OnlyFor";
import { Asked, Empty } from "../../parts/States";
import { useTrail } from "./queries";

export function Trail({ project }: { project: string }) {
  const { may } = useMay("admin");
  const trail = useTrail(project, may);
  return (
    <OnlyFor needs="admin">
      <Asked of={trail}>
        {({ pages }) => {
          const entries = pages.flatMap((page) => page.items);
          if (!entries.length) {
            return (
              <Empty icon={IconHistory} title="Nothing was done yet">
                Every change and every look at identifiers is written down here.
              </Empty>
            );
          }
          return (
            <Stack gap="sm">
              <Table.ScrollContainer minWidth={640} className="sheet" type="native" tabIndex={0}>
                <Table aria-label="Audit trail">
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>When</Table.Th>
                      <Table.Th>Who</Table.Th>
                      <Table.Th>What</Table.Th>
                      <Table.Th>Of</Table.Th>
                      <Table.Th>With</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {entries.map((each) => (
                      <Table.Tr key={each.number}>
                        <Table.Td title={moment(each.at)}>{ago(each.at)}</Table.Td>
                        <Table.Td>{each.actor}</Table.Td>
                        <Table.Td>{each.what}</Table.Td>
                        <Table.Td>{each.object}</Table.Td>
                        <Table.Td>
                          <Text size="sm" c="dimmed">
                            {Object.entries(each.details)
                              .map(([name, value]) => `${name} ${value}`)
                              .join(", ")}
                          </Text>
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              <More of={trail} />
            </Stack>
          );
        }}
      </Asked>
    </OnlyFor>
  );
}
