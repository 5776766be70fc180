/** People who said no: put on the list here, and the proof of what was done for them. */
import { Alert, Button, Card, Group, Radio, Stack, Table, Text, Textarea, Title } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api, type Shape } from "../../api/client";
import { useMay } from "../../api/session";
import { privacyTypes } from "../../labels";
import { ago, count, many, moment } from "../../parts/figures";
import { More } from "../../parts/More";
import { OnlyFor } from "../../parts/OnlyFor";
import { Asked, Failure } from "../../parts/States";
import { Status } from "../../parts/Status";

type Type = Shape<"RequestType">;
type Asking = Shape<"RequestView">;

const privacyOf = (project: string) => ["privacy", project];

const MOST = 10_000;

export function Privacy({ project }: { project: string }) {
  const { may } = useMay("admin");
  return (
    <OnlyFor needs="admin">
      <Stack gap="lg" maw={960}>
        <Ask project={project} />
        <Requests project={project} may={may} />
      </Stack>
    </OnlyFor>
  );
}

function Ask({ project }: { project: string }) {
  const client = useQueryClient();
  const [text, setText] = useState("");
  const [type, setType] = useState<Type>("OptOut");
  const identifiers = text.split(/[\s,;]+/).filter(Boolean);
  const ask = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/v1/projects/{project}/privacy", { params: { path: { project } }, body: { type, identifiers } })),
    onSuccess: () => {
      setText("");
      return client.invalidateQueries({ queryKey: privacyOf(project) });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2}>Somebody said no</Title>
          <Text size="sm">
            From the moment you save they are sent nowhere. Then they are taken out of every segment, and every advertiser that
            anything was ever sent to is told. This cannot be taken back.
          </Text>
          <Textarea
            label="Identifiers"
            description={`Device IDs, Trade Desk GUIDs or raw UID2s, one a line, at most ${count(MOST)}. None of them is shown again.`}
            autosize
            minRows={3}
            maxRows={10}
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Radio.Group label="What they asked for" value={type} onChange={(value) => setType(value as Type)}>
            <Stack gap={6} mt={6}>
              <Radio value="OptOut" label="Opt-out" description="The platform is told to address them no more." />
              <Radio value="Deletion" label="Deletion" description="The platform is told to delete what it has of them, too." />
            </Stack>
          </Radio.Group>
          {ask.error && <Failure error={ask.error} />}
          {ask.data && (
            <Alert color="teal" role="status" title="Written down">
              {many(ask.data.identifiers, "identifier is", "identifiers are")} sent nowhere any more.
            </Alert>
          )}
          <Group>
            <Button type="submit" color="red" disabled={!identifiers.length || identifiers.length > MOST} loading={ask.isPending}>
              {identifiers.length ? `Suppress ${many(identifiers.length, "identifier", "identifiers")}` : "Suppress"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}

function Requests({ project, may }: { project: string; may: boolean }) {
  const requests = useInfiniteQuery({
    queryKey: privacyOf(project),
    enabled: may,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: cursor }) => {
      const params = { path: { project }, query: { cursor, limit: 50 } };
      return answer(api.GET("/api/v1/projects/{project}/privacy", { params }));
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some((each) => each.progress !== "done")) ? 2_000 : false,
  });
  const [shown, setShown] = useState<string | null>(null);
  return (
    <Stack gap="sm">
      <Title order={2}>Requests</Title>
      <Asked of={requests} lines={3}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items);
          if (!items.length) return <Text c="dimmed">Nobody has said no.</Text>;
          return (
            <Table.ScrollContainer minWidth={320} className="sheet">
              <Table aria-label="Opt-outs and deletions">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Asked</Table.Th>
                    <Table.Th className="number">Identifiers</Table.Th>
                    <Table.Th>Progress</Table.Th>
                    <Table.Th aria-label="What can be seen" />
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((each) => (
                    <OneRow key={each.id} request={each} opened={shown === each.id} onOpen={setShown} project={project} />
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          );
        }}
      </Asked>
      <More of={requests} />
    </Stack>
  );
}

function OneRow(props: { request: Asking; opened: boolean; onOpen: (request: string | null) => void; project: string }) {
  const { request, opened, onOpen } = props;
  return (
    <>
      <Table.Tr>
        <Table.Td title={moment(request.asked_at)}>
          {ago(request.asked_at)}
          <Text size="xs" c="dimmed">
            {privacyTypes[request.type]}
          </Text>
        </Table.Td>
        <Table.Td className="number">{count(request.identifiers)}</Table.Td>
        <Table.Td>
          {request.progress === "done" ? <Status tone="good">Done</Status> : <Status tone="busy">Under way</Status>}
        </Table.Td>
        <Table.Td className="number">
          <Button size="compact-xs" variant="subtle" aria-expanded={opened} onClick={() => onOpen(opened ? null : request.id)}>
            {opened ? "Hide proof" : "Show proof"}
          </Button>
        </Table.Td>
      </Table.Tr>
      {opened && (
        <Table.Tr>
          <Table.Td colSpan={4}>
            <Proof project={props.project} request={request} />
          </Table.Td>
        </Table.Tr>
      )}
    </>
  );
}

function Proof({ project, request }: { project: string; request: Asking }) {
  const path = { project, request: request.id };
  const proof = useQuery({
    queryKey: [...privacyOf(project), request.id, request.progress],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/privacy/{request}", { params: { path } })),
  });
  return (
    <Asked of={proof} lines={2}>
      {({ removals, told }) => (
        <Stack gap="xs">
          {!removals.length && !told.length && (
            <Text size="sm">Nothing was ever sent from this project, so nobody needs to be told.</Text>
          )}
          {removals.map((each) => (
            <Text size="sm" key={`${each.advertiser} ${each.segment}`}>
              <b>{each.segment}</b> of advertiser {each.advertiser}: {count(each.removed)} taken out
              {each.done_at ? `, ${moment(each.done_at)}` : "; waits"}
              {each.note ? ` (${each.note})` : ""}
            </Text>
          ))}
          {told.map((each) => (
            <Text size="sm" key={`${each.url} ${each.advertiser}`}>
              Advertiser <b>{each.advertiser}</b> at {each.url}: told of {count(each.told)}, refused {count(each.refused)},
              waiting {count(each.waiting)}
              {each.answered_at ? `; answered ${each.status ?? ""} ${moment(each.answered_at)}` : ""}
              {each.note ? ` (${each.note})` : ""}
            </Text>
          ))}
        </Stack>
      )}
    </Asked>
  );
}
