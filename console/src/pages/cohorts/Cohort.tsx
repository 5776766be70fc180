/** One cohort: who is in it now, what each clause costs, the people behind the figures, and the text it is made of. */
import { Badge, Button, Card, Grid, Group, Modal, Stack, Table, Tabs, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPencil, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { answer, api } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { cadences, places, document as words } from "../../labels";
import { count, moment } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { Source } from "../../parts/Source";
import { Asked, Failure, Loading } from "../../parts/States";
import { Status } from "../../parts/Status";
import { SendList, Webhook } from "./Feeding";
import { kinds } from "./kinds";
import { Model } from "./Lookalike";
import { Overlap } from "./Overlap";
import { People } from "./People";
import { type Cohort, cohortsOf, useCohort, useKept, useSentLists, useSizes } from "./queries";
import { Waterfall } from "./Waterfall";
import { yaml } from "./yaml";

export function Component() {
  const project = useProject();
  const { cohort = "" } = useParams();
  return <Asked of={useCohort(project, cohort)}>{(found) => <Shown key={found.id} cohort={found} />}</Asked>;
}

/** Kinds that can be looked into at once; one in Amplitude would cost a download. */
const COUNTED = new Set(["behavioural", "static", "sql"]);

const EDITED = new Set(["behavioural", "static", "sql", "amplitude", "webhook", "lookalike"]);

function Shown({ cohort }: { cohort: Cohort }) {
  const base = `/projects/${useProject()}/cohorts`;
  const built = cohort.kind === "behavioural";
  const counted = COUNTED.has(cohort.kind);
  const alike = cohort.kind === "lookalike";
  return (
    <Page
      title={cohort.name}
      crumbs={[{ label: places.cohorts, to: base }]}
      beside={<Badge color="gray">{kinds[cohort.kind] ?? cohort.kind}</Badge>}
      about={cohort.sentence}
      actions={
        <>
          <Removal cohort={cohort} />
          {EDITED.has(cohort.kind) && (
            <MayButton needs="member" variant="default" to={`${base}/${cohort.id}/edit`} leftSection={<IconPencil size={16} />}>
              Edit
            </MayButton>
          )}
          <MayButton needs="manager" to={`${base}/${cohort.id}/sync`} leftSection={<IconRefresh size={16} />}>
            {words.sync}
          </MayButton>
        </>
      }
    >
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Tabs defaultValue={built ? "who" : counted ? "people" : alike ? "model" : "text"} keepMounted={false}>
            <Tabs.List mb="md">
              {built && <Tabs.Tab value="who">Clauses</Tabs.Tab>}
              {counted && <Tabs.Tab value="people">People</Tabs.Tab>}
              {alike && <Tabs.Tab value="model">Model</Tabs.Tab>}
              <Tabs.Tab value="text">YAML</Tabs.Tab>
              {built && <Tabs.Tab value="sql">SQL</Tabs.Tab>}
            </Tabs.List>
            <Tabs.Panel value="who">
              <Clauses cohort={cohort} />
            </Tabs.Panel>
            <Tabs.Panel value="people">
              <WithRows cohort={cohort}>
                <People look={{ cohort: cohort.id }} />
              </WithRows>
            </Tabs.Panel>
            <Tabs.Panel value="model">
              <Model cohort={cohort.id} />
            </Tabs.Panel>
            <Tabs.Panel value="text">
              <Source>{yaml({ id: cohort.id, name: cohort.name, kind: cohort.kind, ...cohort.definition }).trimStart()}</Source>
            </Tabs.Panel>
            <Tabs.Panel value="sql">
              <Statement cohort={cohort.id} />
            </Tabs.Panel>
          </Tabs>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack gap="md">
            {counted && (
              <WithRows cohort={cohort}>
                <Now cohort={cohort} />
              </WithRows>
            )}
            {cohort.kind === "static" && <SendList cohort={cohort.id} />}
            {cohort.kind === "webhook" && <Webhook cohort={cohort.id} />}
            <Kept cohort={cohort} />
            {counted && <Overlap look={{ cohort: cohort.id }} />}
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

/** A list has nobody before its first rows came; they may be on their way. */
function WithRows({ cohort, children }: { cohort: Cohort; children: ReactNode }) {
  const { may } = useMay("member");
  const project = useProject();
  const list = cohort.kind === "static";
  const sent = useSentLists(project, list);
  const coming = sent.data?.items.some((each) => each.cohort === cohort.id && !each.finished_at) ?? false;
  const sizes = useSizes(project, { cohort: cohort.id }, may && list && sent.isSuccess && !coming);
  if (!list) return <>{children}</>;
  if (sent.isLoading) return <Loading lines={1} />;
  if (!coming && !sizes.error) return <>{children}</>;
  return (
    <Text size="sm" c="dimmed" role="status">
      No rows have come yet. Send a file; one that was just sent is read in a moment.
    </Text>
  );
}

/** The SELECT that the rule becomes. */
function Statement({ cohort }: { cohort: string }) {
  const project = useProject();
  const { may, why } = useMay("member");
  const body = { cohort, edit: 0 };
  const shown = useQuery({
    queryKey: ["sql", project, cohort],
    enabled: may,
    queryFn: () => answer(api.POST("/api/v1/projects/{project}/previews/sql", { params: { path: { project } }, body })),
  });
  if (!may) return <Text c="dimmed">{why}</Text>;
  return <Asked of={shown}>{({ sql }) => <Source>{sql}</Source>}</Asked>;
}

function Clauses({ cohort }: { cohort: Cohort }) {
  const { may, why } = useMay("member");
  const sizes = useSizes(useProject(), { cohort: cohort.id }, may);
  if (!may) return <Text c="dimmed">{why}</Text>;
  return <Asked of={sizes}>{(found) => <Waterfall sizes={found} />}</Asked>;
}

function Now({ cohort }: { cohort: Cohort }) {
  const { may } = useMay("member");
  const sizes = useSizes(useProject(), { cohort: cohort.id }, may);
  if (!may) return null;
  return (
    <Card>
      <Stack gap={4}>
        <Text size="sm" c="dimmed">
          People now
        </Text>
        {sizes.data ? (
          <>
            <Text className="figure" fz={28} fw={640} lh={1.1}>
              {count(sizes.data.members)}
            </Text>
            <Text size="sm" c="dimmed">
              of {count(sizes.data.universe)} people, {moment(sizes.data.as_of)}
            </Text>
          </>
        ) : sizes.error ? (
          <Failure error={sizes.error} />
        ) : (
          <Loading lines={1} />
        )}
      </Stack>
    </Card>
  );
}

function Kept({ cohort }: { cohort: Cohort }) {
  const project = useProject();
  const segments = useKept(project, cohort.id);
  return (
    <Stack gap="sm">
      <Title order={2}>Kept in</Title>
      <Asked of={segments} lines={2}>
        {({ items: mine }) => {
          if (!mine.length) return <Text c="dimmed">It is not synced to a segment yet.</Text>;
          return (
            <div className="sheet">
              <Table aria-label="Segments it is kept in">
                <Table.Tbody>
                  {mine.map((each) => (
                    <Table.Tr key={each.sync.id}>
                      <Table.Td>
                        <Link className="row" to={`/projects/${project}/segments/${each.sync.id}`}>
                          {each.sync.segment}
                        </Link>
                        <Text size="xs" c="dimmed">
                          {cadences[each.sync.cadence] ?? each.sync.cadence}, {count(each.holds)} identifiers
                        </Text>
                      </Table.Td>
                      <Table.Td className="number">
                        {each.sync.state === "active" ? (
                          <Status tone="good">Active</Status>
                        ) : (
                          <Status tone="paused">{each.sync.state === "paused" ? "Paused" : "Ended"}</Status>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          );
        }}
      </Asked>
    </Stack>
  );
}

function Removal({ cohort }: { cohort: Cohort }) {
  const project = useProject();
  const client = useQueryClient();
  const go = useNavigate();
  const [opened, { open, close }] = useDisclosure(false);
  const path = { project, cohort: cohort.id };
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/projects/{project}/cohorts/{cohort}", { params: { path } })),
    onSuccess: async () => {
      await go(`/projects/${project}/cohorts`);
      await client.invalidateQueries({ queryKey: [...cohortsOf(project), "list"] });
    },
  });
  return (
    <>
      <MayButton needs="member" variant="subtle" color="red" leftSection={<IconTrash size={16} />} onClick={open}>
        Remove
      </MayButton>
      <Modal opened={opened} onClose={close} title={`Remove ${cohort.name}?`}>
        <Stack>
          <Text size="sm">
            It can be removed while no sync and no other cohort uses it. Nobody at a platform is touched, and the history stays.
          </Text>
          {remove.error && <Failure error={remove.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
              Remove
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
