/** Every run of the project, or of one sync, the newest first. */
import { Group, Table, Text } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { Link, useSearchParams } from "react-router";
import type { Shape } from "../../api/client";
import { useNames } from "../../api/names";
import { useProject } from "../../api/session";
import { places, runKinds } from "../../labels";
import { ago, count, moment } from "../../parts/figures";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { type Tallies, useRuns } from "./queries";
import { RunStatus } from "./RunStatus";

export function Component() {
  const project = useProject();
  const [search] = useSearchParams();
  const sync = search.get("sync");
  const runs = useRuns(project, sync);
  const names = useNames(project);
  const base = `/projects/${project}`;
  return (
    <Page
      title={places.runs}
      about={sync ? `${names.sync(sync)}.` : "What was computed, sent and answered, the newest first."}
      crumbs={sync ? [{ label: "All runs", to: `${base}/runs` }] : undefined}
    >
      <Asked of={runs}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items);
          return items.length ? (
            <>
              <RunTable runs={items} project={project} ofOne={sync !== null} />
              <More of={runs} />
            </>
          ) : (
            <Empty icon={IconHistory} title="No runs yet">
              A run begins when a sync is due, or when somebody presses Run now.
            </Empty>
          );
        }}
      </Asked>
    </Page>
  );
}

/** `ofOne`: all of one sync, which the page says; a run is then called by its time. */
export function RunTable(props: { runs: (Shape<"RunView"> & { tallies: Tallies })[]; project: string; ofOne?: boolean }) {
  const { runs, project, ofOne } = props;
  const base = `/projects/${project}`;
  const names = useNames(project);
  return (
    <Table.ScrollContainer minWidth={320} className="sheet">
      <Table aria-label="Runs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Run</Table.Th>
            <Table.Th visibleFrom="sm">Opened</Table.Th>
            <Table.Th visibleFrom="sm">State</Table.Th>
            <Table.Th className="number">Added</Table.Th>
            <Table.Th className="number">Removed</Table.Th>
            <Table.Th className="number" visibleFrom="sm">
              Renewed
            </Table.Th>
            <Table.Th className="number" visibleFrom="sm">
              Refused
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {runs.map((run) => (
            <Table.Tr key={run.id}>
              <Table.Td>
                <Link className="row" to={`${base}/runs/${run.id}`}>
                  {ofOne ? moment(run.opened_at) : names.cohort(run.cohort)}
                </Link>
                {(run.kind !== "sync" || !ofOne) && (
                  <Text size="xs" c="dimmed">
                    {run.kind === "sync" ? names.sync(run.sync) : runKinds[run.kind]}
                  </Text>
                )}
                <Group gap="xs" hiddenFrom="sm" mt={4}>
                  <RunStatus run={run} />
                  <Text size="xs" c="dimmed">
                    {ago(run.opened_at)}
                  </Text>
                </Group>
              </Table.Td>
              <Table.Td visibleFrom="sm" title={moment(run.opened_at)}>
                {ago(run.opened_at)}
              </Table.Td>
              <Table.Td visibleFrom="sm">
                <Group gap="xs" wrap="nowrap">
                  <RunStatus run={run} />
                  {run.outcome === "failed" && (
                    <Text size="xs" c="dimmed" lineClamp={1} maw={220} title={run.reason}>
                      {run.reason}
                    </Text>
                  )}
                </Group>
              </Table.Td>
              <Table.Td className="number">{count(accepted(run.tallies, "add"))}</Table.Td>
              <Table.Td className="number">{count(accepted(run.tallies, "remove"))}</Table.Td>
              <Table.Td className="number" visibleFrom="sm">
                {count(accepted(run.tallies, "refresh"))}
              </Table.Td>
              <Table.Td className="number" visibleFrom="sm">
                {count(refused(run.tallies))}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** None of what was asked for nowhere; a dash where nothing was asked for at all. */
function accepted(tallies: Tallies, operation: keyof Tallies): number | null {
  return tallies[operation]?.accepted ?? (Object.keys(tallies).length ? 0 : null);
}

function refused(tallies: Tallies): number | null {
  const all = Object.values(tallies);
  return all.length ? all.reduce((sum, each) => sum + (each?.rejected ?? 0), 0) : null;
}
