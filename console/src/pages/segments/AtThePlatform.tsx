/** What the platform itself says of a segment, and what is made of it there: shown first, done when somebody agrees. */
import { Anchor, Button, Card, Group, List, Modal, MultiSelect, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { answer, api, type Shape, sentence } from "../../api/client";
import { useProject } from "../../api/session";
import { ago, count, moment } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Failure } from "../../parts/States";
import { Status } from "../../parts/Status";
import { useConnections } from "../destinations/queries";
import { type Portrait, segmentOf, useFewSegments } from "../syncs/queries";

type Plan = Shape<"ArrangementView">;
type Made = Shape<"ArrangedView">;

const uses = { data_group: "Data group", audience: "Audience", seed: "Seed" };

export function AtThePlatform({ found }: { found: Portrait }) {
  const { platform, reading } = found;
  return (
    <Card>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2}>At the platform</Title>
          {platform.asked && <Actions found={found} />}
        </Group>
        {!platform.asked && <NotAsked connection={found.segment.sync.connection} />}
        {platform.problem && (
          <Text size="sm">
            <Status tone="bad">Not answered</Status> {sentence(new Error(platform.problem))}
          </Text>
        )}
        {platform.asked && !reading && (
          <Text size="sm" c="dimmed">
            It was not asked about this segment yet. It is asked once a day.
          </Text>
        )}
        {reading && <Said reading={reading} />}
      </Stack>
    </Card>
  );
}

function NotAsked({ connection }: { connection: string }) {
  const project = useProject();
  const kind = useConnections(project).data?.items.find((each) => each.id === connection)?.destination;
  return (
    <Text size="sm" c="dimmed">
      What the platform saw of these people is not asked.{" "}
      {kind && (
        <Anchor
          underline="always"
          component={Link}
          to={`/projects/${project}/catalog/destinations/${kind}/${connection}#platform`}
        >
          Give the account a token for the platform's API
        </Anchor>
      )}
    </Text>
  );
}

function Said({ reading }: { reading: NonNullable<Portrait["reading"]> }) {
  const { activity, listing } = reading;
  const asked = `Asked ${ago(reading.read_at)} (${moment(reading.read_at)}).`;
  if (!activity || listing === null) {
    return (
      <Text size="sm">
        <Status tone="waiting">Not listed</Status> The platform lists a segment 24 to 48 hours after its first delivery. {asked}
      </Text>
    );
  }
  const rows: [string, string][] = [
    ["FirstPartyDataId", `${listing}`],
    ["Seen in 7 days", `${count(activity.ids)} of ${count(reading.held)} sent`],
    ["On the web", count(activity.web)],
    ["In apps", count(activity.in_app)],
    ["On connected TV", count(activity.connected_tv)],
    ["Persons, households", `${count(activity.persons)}, ${count(activity.households)}`],
  ];
  return (
    <>
      <SimpleGrid component="dl" cols={{ base: 2, sm: 3, lg: 6 }} m={0}>
        {rows.map(([word, value]) => (
          <div key={word}>
            <Text component="dt" size="sm" c="dimmed">
              {word}
            </Text>
            <Text component="dd" m={0} className="figure">
              {value}
            </Text>
          </div>
        ))}
      </SimpleGrid>
      <Text size="sm" c="dimmed">
        {asked}
      </Text>
    </>
  );
}

function Actions({ found }: { found: Portrait }) {
  const project = useProject();
  const client = useQueryClient();
  const { connection, id: sync } = found.segment.sync;
  const [attaching, attach] = useDisclosure(false);
  const [seeding, seed] = useDisclosure(false);
  const ask = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/projects/{project}/connections/{connection}/platform/read", {
          params: { path: { project, connection } },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: segmentOf(project, sync) }),
  });
  return (
    <Group gap="xs">
      <MayButton needs="manager" size="xs" variant="default" loading={ask.isPending} onClick={() => ask.mutate()}>
        Ask now
      </MayButton>
      <MayButton needs="manager" size="xs" variant="default" onClick={attach.open}>
        Put into an audience
      </MayButton>
      <MayButton needs="manager" size="xs" variant="default" onClick={seed.open}>
        Make a seed
      </MayButton>
      <Modal opened={attaching} onClose={attach.close} title="Put this segment into an audience" size="lg">
        {attaching && <Attach sync={sync} segment={found.segment.sync.segment} close={attach.close} />}
      </Modal>
      <Modal opened={seeding} onClose={seed.close} title="Make a seed of segments" size="lg">
        {seeding && <Seed sync={found.segment.sync} close={seed.close} />}
      </Modal>
    </Group>
  );
}

function Attach({ sync, segment, close }: { sync: string; segment: string; close: () => void }) {
  const project = useProject();
  const [group, setGroup] = useState(segment);
  const [audience, setAudience] = useState(segment);
  const params = { path: { project, sync } };
  const body = { data_group: group, audience };
  return (
    <Arrange
      names={`${group}\n${audience}`}
      close={close}
      look={() => answer(api.POST("/api/v1/projects/{project}/segments/{sync}/attach/plan", { params, body }))}
      act={(mark) => answer(api.POST("/api/v1/projects/{project}/segments/{sync}/attach", { params, body: { ...body, mark } }))}
      then="At the platform, choose the audience in an ad group."
    >
      <TextInput label="Data group" maxLength={256} value={group} onChange={(event) => setGroup(event.currentTarget.value)} />
      <TextInput label="Audience" maxLength={256} value={audience} onChange={(event) => setAudience(event.currentTarget.value)} />
    </Arrange>
  );
}

function Seed({ sync, close }: { sync: Portrait["segment"]["sync"]; close: () => void }) {
  const project = useProject();
  const [name, setName] = useState(sync.segment);
  const [syncs, setSyncs] = useState([sync.id]);
  const fellows = (useFewSegments(project, 200).data?.items ?? []).filter((each) => each.sync.connection === sync.connection);
  const params = { path: { project } };
  const body = { name, syncs };
  return (
    <Arrange
      names={[name, ...syncs].join("\n")}
      close={close}
      look={() => answer(api.POST("/api/v1/projects/{project}/seeds/plan", { params, body }))}
      act={(mark) => answer(api.POST("/api/v1/projects/{project}/seeds", { params, body: { ...body, mark } }))}
      then="It is pending for up to a day. Then choose it in a campaign, unless it is the default."
    >
      <TextInput label="Seed" maxLength={256} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      <MultiSelect
        label="Made of these segments"
        description="Whoever is in any of them is in the seed."
        searchable
        data={fellows.map((each) => ({ value: each.sync.id, label: each.sync.segment }))}
        value={syncs}
        onChange={setSyncs}
      />
    </Arrange>
  );
}

interface Arranging {
  names: string;
  children: ReactNode;
  close: () => void;
  look: () => Promise<Plan>;
  act: (mark: string) => Promise<Made[]>;
  then: string;
}

/** Names, then what would change in words, then that it is done. Another name needs another look. */
function Arrange({ names, children, close, look, act, then }: Arranging) {
  const looked = useMutation({ mutationFn: (_names: string) => look() });
  const done = useMutation({ mutationFn: act });
  const plan = looked.variables === names ? looked.data : undefined;
  const changes = plan?.steps.some((each) => each.changes);
  const failed = done.error ?? looked.error;
  return (
    <Stack>
      {children}
      {plan && !done.data && (
        <List size="sm" spacing={6}>
          {plan.steps.map((each) => (
            <List.Item key={each.use}>{sentence(new Error(each.sentence))}</List.Item>
          ))}
        </List>
      )}
      {done.data && (
        <Stack gap={6} role="status">
          {done.data.map((each) => (
            <Text key={each.id} size="sm">
              <Status tone="good">{uses[each.use]}</Status> {each.name} ({each.id})
            </Text>
          ))}
          <Text size="sm">{then}</Text>
        </Stack>
      )}
      {failed && <Failure error={failed} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {done.data ? "Done" : "Cancel"}
        </Button>
        {!done.data && !changes && (
          <Button loading={looked.isPending} onClick={() => looked.mutate(names)}>
            {plan ? "Look again" : "See what would change"}
          </Button>
        )}
        {!done.data && changes && plan && (
          <Button loading={done.isPending} onClick={() => done.mutate(plan.mark)}>
            Do it
          </Button>
        )}
      </Group>
    </Stack>
  );
}
