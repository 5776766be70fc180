/** The project's cohorts: what each means, where it is kept and how fresh that is. */
import { Badge, Button, Group, Stack, Table, Text, TextInput } from "@mantine/core";
import { IconPlus, IconSearch, IconUsersGroup } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import type { Shape } from "../../api/client";
import { useProject } from "../../api/session";
import { places } from "../../labels";
import { ago, count, many } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { kinds } from "./kinds";
import { type Cohort, useCohorts, useSegments } from "./queries";

type Segment = Shape<"SegmentView">;

export function Component() {
  const project = useProject();
  const cohorts = useCohorts(project);
  const [sought, setSought] = useState("");
  const add = (
    <MayButton needs="member" to={`/projects/${project}/cohorts/new`} leftSection={<IconPlus size={16} />}>
      New cohort
    </MayButton>
  );
  return (
    <Page title={places.cohorts} about="Who belongs together: rules over people, on your own data." actions={add}>
      <Asked of={cohorts}>
        {({ pages }) => {
          const all = pages.flatMap((page) => page.items);
          const word = sought.trim().toLowerCase();
          const found = word
            ? all.filter((each) => `${each.name} ${each.id} ${each.sentence}`.toLowerCase().includes(word))
            : all;
          if (!all.length)
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
                  {many(found.length, "cohort", "cohorts")}
                  {cohorts.hasNextPage ? " of those loaded" : ""}
                </Text>
              </Group>
              <List cohorts={found} />
              {cohorts.hasNextPage && (
                <Button
                  variant="default"
                  loading={cohorts.isFetchingNextPage}
                  onClick={() => void cohorts.fetchNextPage()}
                  mx="auto"
                >
                  Load more
                </Button>
              )}
            </Stack>
          );
        }}
      </Asked>
    </Page>
  );
}

function List({ cohorts }: { cohorts: Cohort[] }) {
  const project = useProject();
  const segments = useSegments(project).data?.items ?? [];
  return (
    <Table.ScrollContainer minWidth={760} className="sheet">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Cohort</Table.Th>
            <Table.Th>Who</Table.Th>
            <Table.Th>Kept in</Table.Th>
            <Table.Th className="number">Identifiers</Table.Th>
            <Table.Th>Last run</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {cohorts.map((each) => (
            <OneRow
              key={each.id}
              cohort={each}
              segments={segments.filter((segment) => segment.sync.cohort === each.id)}
              base={`/projects/${project}`}
            />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function OneRow({ cohort, segments, base }: { cohort: Cohort; segments: Segment[]; base: string }) {
  const runs = segments.flatMap((each) => (each.last ? [each.last.opened_at] : []));
  const newest = runs.sort().at(-1);
  return (
    <Table.Tr>
      <Table.Td maw={240}>
        <Stack gap={2} align="flex-start">
          <Link className="row" to={`${base}/cohorts/${cohort.id}`}>
            {cohort.name}
          </Link>
          <Badge color="gray" size="sm">
            {kinds[cohort.kind] ?? cohort.kind}
          </Badge>
        </Stack>
      </Table.Td>
      <Table.Td maw={420}>
        <Text size="sm" lineClamp={2}>
          {cohort.sentence}
        </Text>
      </Table.Td>
      <Table.Td>
        {segments.length ? (
          segments.map((each) => <div key={each.sync.id}>{each.sync.segment}</div>)
        ) : (
          <Text c="dimmed">Not synced</Text>
        )}
      </Table.Td>
      <Table.Td className="number">
        {segments.map((each) => (
          <div key={each.sync.id}>{count(each.holds)}</div>
        ))}
      </Table.Td>
      <Table.Td>{newest ? ago(newest) : "–"}</Table.Td>
    </Table.Tr>
  );
}
