/** The project's cohorts: what each means, where it is kept and how fresh that is. */
import { Anchor, Badge, Group, Stack, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlus, IconSearch, IconUsersGroup } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import type { Shape } from "../../api/client";
import { useCohortNames } from "../../api/names";
import { useProject } from "../../api/session";
import { cadences, places, syncStates } from "../../labels";
import { ago, count, many, moment, signed } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { kinds } from "./kinds";
import { useCohorts } from "./queries";

type Listed = Shape<"ListedCohort">;

export function Component() {
  const project = useProject();
  const [sought, setSought] = useState("");
  const [find] = useDebouncedValue(sought.trim(), 200);
  const cohorts = useCohorts(project, find);
  const names = useCohortNames(project).data ?? [];
  const add = (
    <MayButton needs="member" to={`/projects/${project}/cohorts/new`} leftSection={<IconPlus size={16} />}>
      New cohort
    </MayButton>
  );
  return (
    <Page title={places.cohorts} about="Who belongs together: rules over people, on your own data." actions={add}>
      <Asked of={cohorts}>
        {({ pages }) => {
          const found = pages.flatMap((page) => page.items);
          if (!found.length && !find)
            return (
              <Empty icon={IconUsersGroup} title="No cohort yet" action={add}>
                A cohort is a rule such as “did Add to Cart, and did not Purchase, in the last 30 days”. It is computed anew for
                every sync.
              </Empty>
            );
          return (
            <Stack gap="sm">
              <Group justify="space-between">
                <TextInput
                  aria-label="Find a cohort"
                  placeholder="Find a cohort"
                  leftSection={<IconSearch size={16} />}
                  value={sought}
                  onChange={(event) => setSought(event.currentTarget.value)}
                  w={{ base: "100%", xs: 280 }}
                />
                <Text size="sm" c="dimmed">
                  {many(names.filter((each) => has(each, find)).length, "cohort", "cohorts")}
                </Text>
              </Group>
              {found.length ? <List cohorts={found} /> : <Text c="dimmed">No name has “{find}” in it.</Text>}
              <More of={cohorts} />
            </Stack>
          );
        }}
      </Asked>
    </Page>
  );
}

/** As the server finds them. */
function has({ value, label }: { value: string; label: string }, find: string): boolean {
  return label.toLowerCase().includes(find.toLowerCase()) || value.includes(find.toLowerCase());
}

function List({ cohorts }: { cohorts: Listed[] }) {
  const base = `/projects/${useProject()}`;
  return (
    <Table.ScrollContainer minWidth={320} className="sheet">
      <Table aria-label="Cohorts">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Cohort</Table.Th>
            <Table.Th className="number">People</Table.Th>
            <Table.Th className="number" visibleFrom="sm">
              Change
            </Table.Th>
            <Table.Th visibleFrom="sm">As of</Table.Th>
            <Table.Th visibleFrom="sm">Kept in</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {cohorts.map((each) => (
            <OneRow key={each.id} cohort={each} base={base} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function OneRow({ cohort, base }: { cohort: Listed; base: string }) {
  return (
    <Table.Tr>
      <Table.Td maw={460}>
        <Group gap="xs">
          <Link className="row" to={`${base}/cohorts/${cohort.id}`}>
            {cohort.name}
          </Link>
          <Badge color="gray" size="sm">
            {kinds[cohort.kind] ?? cohort.kind}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed" lineClamp={2} title={cohort.sentence}>
          {cohort.sentence}
        </Text>
      </Table.Td>
      <Table.Td className="number">
        {count(cohort.people)}
        <Text size="xs" c="dimmed" hiddenFrom="sm">
          {cohort.as_of ? ago(cohort.as_of) : "Never run"}
        </Text>
      </Table.Td>
      <Table.Td className="number" visibleFrom="sm">
        {cohort.change === null ? "–" : signed(cohort.change)}
      </Table.Td>
      <Table.Td visibleFrom="sm" title={moment(cohort.as_of)}>
        {cohort.as_of ? ago(cohort.as_of) : "Never run"}
      </Table.Td>
      <Table.Td visibleFrom="sm" maw={280}>
        {cohort.kept.length ? (
          cohort.kept.map((each) => (
            <Text key={each.sync} size="sm">
              <Anchor component={Link} to={`${base}/segments/${each.sync}`} size="sm">
                {each.segment}
              </Anchor>{" "}
              <Text span size="xs" c="dimmed">
                {cadences[each.cadence]}, {each.state === "active" ? `${count(each.holds)} identifiers` : syncStates[each.state]}
              </Text>
            </Text>
          ))
        ) : (
          <Text size="sm" c="dimmed">
            Not synced
          </Text>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
