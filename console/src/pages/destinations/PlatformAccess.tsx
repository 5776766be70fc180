/** An account's token for the platform's API: tried, sealed, and taken away again. */
import { Card, Group, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api, sentence } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { ago } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Failure } from "../../parts/States";

export function PlatformAccess({ connection }: { connection: string }) {
  const project = useProject();
  const client = useQueryClient();
  const { may } = useMay("manager");
  const [token, setToken] = useState("");
  const params = { path: { project, connection } };
  const queryKey = ["platform", project, connection];
  const known = useQuery({
    queryKey,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/connections/{connection}/platform", { params })),
  });
  const onSuccess = () => {
    setToken("");
    return client.invalidateQueries({ queryKey });
  };
  const give = useMutation({
    mutationFn: () =>
      answer(api.PUT("/api/v1/projects/{project}/connections/{connection}/platform", { params, body: { token } })),
    onSuccess,
  });
  const take = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/projects/{project}/connections/{connection}/platform", { params })),
    onSuccess,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    give.mutate();
  };
  const asked = known.data?.asked;
  return (
    <Card id="platform" maw={860} component="form" onSubmit={submit}>
      <Stack gap="sm">
        <Title order={2}>What the platform says</Title>
        <Text size="sm" c="dimmed">
          With a token for the platform's API, the worker asks once a day how each segment is listed there and how many of its
          people were seen. Data groups, audiences and seeds can be made from the page of a segment. Uploads do not need it.
        </Text>
        {asked && (
          <Text size="sm">
            {known.data?.read_at ? `It was asked ${ago(known.data.read_at)}.` : "It was not asked yet."}{" "}
            {known.data?.problem && sentence(new Error(known.data.problem))}
          </Text>
        )}
        <PasswordInput
          label="Platform token"
          description={
            asked
              ? "One is kept. Another takes its place."
              : "It is tried first. Kept sealed on this machine, and never shown again."
          }
          autoComplete="new-password"
          required
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          disabled={!may}
        />
        {(give.error ?? take.error) && <Failure error={give.error ?? take.error} />}
        <Group>
          <MayButton needs="manager" type="submit" variant="default" loading={give.isPending} disabled={token.length < 2}>
            {asked ? "Exchange the token" : "Let it be asked"}
          </MayButton>
          {asked && (
            <MayButton needs="manager" variant="subtle" color="red" loading={take.isPending} onClick={() => take.mutate()}>
              Ask no more
            </MayButton>
          )}
        </Group>
      </Stack>
    </Card>
  );
}
