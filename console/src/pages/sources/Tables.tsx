/** A source of tables: which columns are what, whether its server understands the cohort language, and who is answered from it. */
import { Button, Group, List, Modal, Stack, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api, type Shape } from "../../api/client";
import { useProject } from "../../api/session";
import { count, moment } from "../../parts/figures";
import { Failure } from "../../parts/States";
import { type Source, sourcesOf, type Tables } from "./queries";
import { Removal } from "./Removal";
import { Test } from "./Test";

type Read = Tables["reads"][number];

export function OfTables({ source, tables }: { source: Source; tables: Tables }) {
  return (
    <>
      <Text size="sm">
        {standing(tables)} {tables.path ? "Its files lie in " : "Its server is reached by the address that the variable holds: "}
        <code>{tables.path || tables.variable}</code>.
      </Text>
      <Reads reads={tables.reads} />
      <Group gap="xs">
        <Verify source={source} />
        <Test source={source} />
        <Answering source={source} answers={tables.answers} />
        <Removal source={source} />
      </Group>
    </>
  );
}

/** How far it can be trusted, and why. */
function standing({ asked, verified }: Tables): string {
  if (!asked) return "Its server was never asked whether it understands the cohort language: verify it before you rely on it.";
  const when = `${asked.server} gave the right answer to ${count(asked.agreed)} of ${count(asked.cases)} rows of the cohort language on ${moment(asked.at)}.`;
  if (verified) return when;
  return asked.agreed === asked.cases
    ? `${when} The language has grown since: verify it again.`
    : `${when} Cohorts may find the wrong people there.`;
}

function Reads({ reads }: { reads: Read[] }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table horizontalSpacing={8} aria-label="Tables that are read">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Table</Table.Th>
            <Table.Th>A row is</Table.Th>
            <Table.Th>Of whom</Table.Th>
            <Table.Th>When</Table.Th>
            <Table.Th>Properties</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {reads.map((each) => (
            <Table.Tr key={[each.table, each.event, each.event_column].join()}>
              <Table.Td>{each.table}</Table.Td>
              <Table.Td>{what(each)}</Table.Td>
              <Table.Td>
                {[each.user && `user ${each.user}`, each.device && `device ${each.device}`].filter(Boolean).join(", ")}
              </Table.Td>
              <Table.Td>{each.time ?? "Always"}</Table.Td>
              <Table.Td>{properties(each)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function what({ event, event_column: column, people }: Read): string {
  if (people) return "a person";
  return event ? `the event ${event}` : `an event, as ${column} says`;
}

function properties(each: Read): string {
  const of = (named: Record<string, string>, prefix: string) =>
    Object.entries(named).map(([name, column]) => (name === column ? `${prefix}${name}` : `${prefix}${name} from ${column}`));
  const whole = [
    each.properties && `all in ${each.properties}`,
    each.user_properties && `of the user, all in ${each.user_properties}`,
  ];
  return [...of(each.columns, ""), ...of(each.user_columns, "user."), ...whole.filter(Boolean)].join(", ") || "None";
}

/** The server is asked every row of the language; nothing of the client's is read. */
function Verify({ source }: { source: Source }) {
  const project = useProject();
  const client = useQueryClient();
  const path = { project, source: source.id };
  const verify = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/sources/{source}/verify", { params: { path } })),
    onSuccess: () => client.invalidateQueries({ queryKey: sourcesOf(project) }),
  });
  return (
    <>
      <Button size="xs" loading={verify.isPending} onClick={() => verify.mutate()}>
        Verify
      </Button>
      <div role="status" style={{ order: 9, flexBasis: verify.isIdle ? undefined : "100%" }}>
        {verify.isPending && (
          <Text size="sm" c="dimmed">
            Its server is asked every row of the cohort language. Nothing of yours is read; it may take minutes.
          </Text>
        )}
        {verify.data && <Found found={verify.data} />}
      </div>
      {verify.error && <Failure error={verify.error} />}
    </>
  );
}

const SHOWN = 10;

function Found({ found }: { found: Shape<"VerifiedView"> }) {
  if (!found.wrong.length) return <Text size="sm">It agrees with all {count(found.cases)} rows.</Text>;
  return (
    <Stack gap={4}>
      <Text size="sm">
        It agrees with {count(found.agreed)} of {count(found.cases)} rows. These it answers otherwise:
      </Text>
      <List size="sm">
        {found.wrong.slice(0, SHOWN).map((each) => (
          <List.Item key={`${each.table} ${each.rule}`}>
            {each.table}: {each.rule}. {each.why || `It finds ${each.found?.join(", ") || "nobody"}`}, expected{" "}
            {each.expected.join(", ") || "nobody"}.
          </List.Item>
        ))}
      </List>
      {found.wrong.length > SHOWN && <Text size="sm">And {count(found.wrong.length - SHOWN)} more.</Text>}
    </Stack>
  );
}

/** From where the behavioural cohorts of the project are answered: every one of them finds other people afterwards. */
function Answering({ source, answers }: { source: Source; answers: boolean }) {
  const project = useProject();
  const client = useQueryClient();
  const [opened, { open, close }] = useDisclosure(false);
  const choose = useMutation({
    mutationFn: () =>
      answer(
        api.PUT("/api/v1/projects/{project}/source", {
          params: { path: { project } },
          body: { source: answers ? null : source.id },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries();
      close();
    },
  });
  const title = answers ? "Answer from own events" : "Answer from these tables";
  return (
    <>
      <Button variant="default" size="xs" onClick={open}>
        {title}
      </Button>
      <Modal opened={opened} onClose={close} title={`${title}?`}>
        <Stack>
          <Text size="sm">
            Every behavioural cohort of this project is answered from {answers ? "its own events" : source.name} from now on. Each
            sync finds its people there at its next run; one that would lose many of them is held until a manager approves it.
          </Text>
          {choose.error && <Failure error={choose.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button loading={choose.isPending} onClick={() => choose.mutate()}>
              {title}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
