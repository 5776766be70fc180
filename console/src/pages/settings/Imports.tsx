/** The events of the project: files sent before with what came of them, and one more. */
import { Card, Progress, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { ago, bytes, moment } from "../../parts/figures";
import { More } from "../../parts/More";
import { OnlyFor } from "../../parts/OnlyFor";
import { CameOf, type Upload } from "../../parts/SendFile";
import { Asked } from "../../parts/States";
import { Status } from "../../parts/Status";
import { SendEvents } from "../projects/SendEvents";

export function Imports({ project }: { project: string }) {
  const client = useQueryClient();
  const queryKey = ["uploads", project];
  const uploads = useInfiniteQuery({
    queryKey,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: cursor }) => {
      const params = { path: { project }, query: { cursor, limit: 50 } };
      return answer(api.GET("/api/v1/projects/{project}/uploads", { params }));
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some((each) => !each.finished_at)) ? 1_000 : false,
  });
  return (
    <Stack gap="lg" maw={960}>
      <OnlyFor needs="manager">
        <Card>
          <Stack gap="sm" align="flex-start">
            <Title order={2}>Import events</Title>
            <SendEvents onDone={() => void client.invalidateQueries()} />
            <Text size="sm" c="dimmed">
              No event counts twice, however often its file is sent. Segments follow with their next run.
            </Text>
          </Stack>
        </Card>
      </OnlyFor>
      <Stack gap="sm">
        <Title order={2}>Files that were sent</Title>
        <Asked of={uploads} lines={3}>
          {({ pages }) => {
            const items = pages.flatMap((page) => page.items);
            return items.length ? <Sent uploads={items} /> : <Text c="dimmed">None yet.</Text>;
          }}
        </Asked>
        <More of={uploads} />
      </Stack>
    </Stack>
  );
}

function Sent({ uploads }: { uploads: Upload[] }) {
  return (
    <Table.ScrollContainer minWidth={320} className="sheet">
      <Table aria-label="Files">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>File</Table.Th>
            <Table.Th visibleFrom="sm">Sent</Table.Th>
            <Table.Th>What came of it</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {uploads.map((each) => (
            <Table.Tr key={each.id}>
              <Table.Td style={{ overflowWrap: "anywhere" }}>
                {each.name}
                <Text size="xs" c="dimmed">
                  {each.kind === "list" ? `List of ${each.cohort}` : "Events"}, {bytes(each.bytes)}
                </Text>
              </Table.Td>
              <Table.Td visibleFrom="sm" title={moment(each.received_at)}>
                {ago(each.received_at)}
                <Text size="xs" c="dimmed">
                  {each.sent_by}
                </Text>
              </Table.Td>
              <Table.Td>
                <Outcome upload={each} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Outcome({ upload }: { upload: Upload }) {
  if (upload.state === "done") return <CameOf upload={upload} />;
  if (upload.state === "refused") {
    return (
      <>
        <Status tone="bad">Refused</Status>
        <Text size="xs" c="dimmed">
          {upload.message}
        </Text>
      </>
    );
  }
  return (
    <Progress
      value={(100 * upload.read) / Math.max(1, upload.bytes)}
      animated
      aria-label={`How much of ${upload.name} is read`}
    />
  );
}
