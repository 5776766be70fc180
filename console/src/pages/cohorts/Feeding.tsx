/** How people come into a cohort that is not computed here: rows of a list that are sent, or messages that Amplitude pushes. */
import { Alert, Card, SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Shape } from "../../api/client";
import { useProject } from "../../api/session";
import { Copyable } from "../../parts/Copyable";
import { ago, many } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { asItIs, plainName, SendFile } from "../../parts/SendFile";
import { Asked, Failure } from "../../parts/States";

type How = Shape<"Change">;

const HOW: { value: How; label: string }[] = [
  { value: "replace", label: "Replace the list" },
  { value: "add", label: "Add rows" },
  { value: "remove", label: "Take rows out" },
];

export function SendList({ cohort }: { cohort: string }) {
  const project = useProject();
  const client = useQueryClient();
  const [how, setHow] = useState<How>("replace");
  const send = (file: File) => {
    const params = { path: { project, cohort }, query: { name: plainName(file, "list.csv"), how } };
    return answer(api.POST("/api/v1/projects/{project}/cohorts/{cohort}/list", { params, ...asItIs(file) }));
  };
  const done = () => Promise.all(["sizes", "sample"].map((each) => client.invalidateQueries({ queryKey: [each, project] })));
  return (
    <Card>
      <Stack gap="sm" align="flex-start">
        <Title order={2}>Send rows</Title>
        <SegmentedControl
          aria-label="What becomes of the list"
          size="xs"
          data={HOW}
          value={how}
          onChange={(value) => setHow(value as How)}
        />
        <SendFile accept=".csv,.parquet" send={send} onDone={() => void done()} />
        <Text size="sm" c="dimmed">
          Two rows are the same when people and identifiers are. Segments follow with their next run.
        </Text>
      </Stack>
    </Card>
  );
}

export function Webhook({ cohort }: { cohort: string }) {
  const project = useProject();
  const client = useQueryClient();
  const queryKey = ["webhook", project];
  const params = { path: { project } };
  const webhook = useQuery({
    queryKey,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/webhook", { params })),
    refetchInterval: 15_000,
  });
  const renew = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/webhook/secret", { params })),
    onSuccess: () => client.invalidateQueries({ queryKey }),
  });
  return (
    <Card>
      <Stack gap="sm" align="flex-start">
        <Title order={2}>Where Amplitude sends to</Title>
        <Asked of={webhook} lines={2}>
          {({ path, header, secret_fingerprint: made, cohorts }) => {
            const mine = cohorts.find((each) => each.cohort === cohort);
            return (
              <>
                <Text size="sm">In Amplitude, add a cohort webhook with this address and this header:</Text>
                <Copyable value={`${window.location.origin}${path}`} label="address" />
                <Copyable value={header} label="name of the header" />
                {renew.data ? (
                  <Alert color="teal" title="The secret, shown once" role="status">
                    <Copyable value={renew.data.secret} label="secret" />
                  </Alert>
                ) : (
                  <Text size="sm" c="dimmed">
                    {made ? "Its value is the secret that was made before." : "Its value is a secret, which is not made yet."}
                  </Text>
                )}
                {renew.error && <Failure error={renew.error} />}
                <MayButton needs="admin" variant="default" size="xs" loading={renew.isPending} onClick={() => renew.mutate()}>
                  Make a new secret
                </MayButton>
                <Text size="sm">
                  {mine?.received_at
                    ? `${many(mine.messages, "message", "messages")} came, the last ${ago(mine.received_at)}.`
                    : "No message came yet."}
                </Text>
              </>
            );
          }}
        </Asked>
      </Stack>
    </Card>
  );
}
