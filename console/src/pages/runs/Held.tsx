/** A run that a guard holds: why, what goes on meanwhile, and a person's word on it. */
import { Alert, Anchor, Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconHandStop } from "@tabler/icons-react";
import { Link } from "react-router";
import { answer, api } from "../../api/client";
import { count } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Failure } from "../../parts/States";
import { useConnections } from "../destinations/queries";
import type { Report } from "./queries";
import { useWord, WithReason } from "./Word";

export function Held({ report, project }: { report: Report; project: string }) {
  const [approving, approval] = useDisclosure(false);
  const [discarding, discard] = useDisclosure(false);
  const path = { project, run: report.run.id };
  return (
    <Alert color="yellow" icon={<IconHandStop size={18} />} title="Held: nothing is added or removed until somebody says so">
      <Stack gap="sm" align="flex-start">
        <List size="sm">
          {report.verdicts.map((each) => (
            <List.Item key={each.guard}>
              {each.sentence.charAt(0).toUpperCase() + each.sentence.slice(1)}.{" "}
              <Text span c="dimmed">
                Guard {each.guard}.
              </Text>{" "}
              {each.guard === "unmatched" && <ToMap project={project} connection={report.connection} />}
            </List.Item>
          ))}
        </List>
        <Text size="sm">Whoever would expire meanwhile is renewed. The next run of the sync takes its place.</Text>
        <Group gap="xs">
          <MayButton needs="manager" onClick={approval.open}>
            Approve
          </MayButton>
          <MayButton needs="manager" variant="default" onClick={discard.open}>
            Discard
          </MayButton>
        </Group>
      </Stack>
      <Modal opened={approving} onClose={approval.close} title="Let this run go on?">
        {approving && <Approve report={report} project={project} close={approval.close} />}
      </Modal>
      <WithReason
        opened={discarding}
        close={discard.close}
        title="Discard this run?"
        verb="Discard the run"
        report={report}
        project={project}
        say={(reason) =>
          answer(api.POST("/api/v1/projects/{project}/runs/{run}/discard", { params: { path }, body: { reason } }))
        }
      >
        Nothing of it is sent; the {count(report.held)} identifiers in the segment stay as they are.
      </WithReason>
    </Alert>
  );
}

/** The way to where it is said which identifiers are sent. */
function ToMap({ project, connection }: { project: string; connection: string }) {
  const account = useConnections(project).data?.items.find((each) => each.id === connection);
  if (!account) return null;
  return (
    <Anchor
      component={Link}
      size="sm"
      underline="always"
      to={`/projects/${project}/catalog/destinations/${account.destination}/${account.id}`}
    >
      See who is sent through {account.name}
    </Anchor>
  );
}

interface Word {
  report: Report;
  project: string;
  close: () => void;
}

function Approve({ report, project, close }: Word) {
  const approvals = report.verdicts.map(({ guard, count: counted }) => ({ guard, count: counted }));
  const path = { project, run: report.run.id };
  const approve = useWord(project, report, close, () =>
    answer(api.POST("/api/v1/projects/{project}/runs/{run}/approve", { params: { path }, body: { approvals } })),
  );
  const wishes = report.wishes ?? { add: 0, remove: 0, refresh: 0 };
  return (
    <Stack>
      <Text size="sm">
        {count(wishes.remove)} identifiers are removed from the segment, {count(wishes.add)} are added and {count(wishes.refresh)}{" "}
        renewed. It begins at once.
      </Text>
      {approve.error && <Failure error={approve.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          Cancel
        </Button>
        <Button loading={approve.isPending} onClick={() => approve.mutate()}>
          Approve {count(wishes.remove)} removals
        </Button>
      </Group>
    </Stack>
  );
}
