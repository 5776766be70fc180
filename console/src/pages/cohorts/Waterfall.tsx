/** Clause by clause: how many hold alone, and how many are left with those before. */
import { Progress, Table, Text } from "@mantine/core";
import type { Shape } from "../../api/client";
import { count, share } from "../../parts/figures";
import type { Size } from "./queries";

interface Line {
  key: string;
  depth: number;
  size: Size;
}

/** Groups are shown by how they are joined; what is in them follows below. */
const GROUPS: Record<string, string> = { all: "All of these", any: "Any of these", not: "Not who match this" };

export function Waterfall({ sizes }: { sizes: Shape<"SizesView"> }) {
  const whole = Math.max(1, sizes.universe);
  return (
    <Table.ScrollContainer minWidth={520} className="sheet">
      <Table highlightOnHover={false} aria-label="Clauses">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Clause</Table.Th>
            <Table.Th className="number">Alone</Table.Th>
            <Table.Th className="number">With those before</Table.Th>
            <Table.Th w={120}>Of all people</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lines(sizes.who, 0, "0").map(({ key, depth, size }) => (
            <Table.Tr key={key}>
              <Table.Td pl={12 + depth * 18}>
                <Text size="sm" fw={size.parts.length ? 560 : 400}>
                  {GROUPS[size.kind] ?? size.sentence}
                </Text>
              </Table.Td>
              <Table.Td className="number">{count(size.members)}</Table.Td>
              <Table.Td className="number">{count(size.after)}</Table.Td>
              <Table.Td>
                <Progress value={(100 * size.after) / whole} aria-label={`${share(size.after / whole)} of all people`} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function lines(size: Size, depth: number, key: string): Line[] {
  const below = size.parts.flatMap((part, place) => lines(part, depth + 1, `${key}.${place}`));
  return [{ key, depth, size }, ...below];
}
