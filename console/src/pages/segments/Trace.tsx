/** Everything that is known of one identifier. It goes in the body of the question, never into an address. */
import { Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/session";
import { operations } from "../../labels";
import { moment } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Failure } from "../../parts/States";
import { Status, type Tone } from "../../parts/Status";

interface Belief {
  segment: string;
  standing: "present" | "uncertain" | "lapsed";
  since: string;
  expires_until: string;
}

interface Entry {
  run: string;
  segment: string;
  opened_at: string;
  operation: string;
  ending: string;
  code: string;
}

interface Told {
  beliefs: Belief[];
  history: Entry[];
  suppressed: { since: string }[];
}

const STANDINGS: Record<Belief["standing"], { tone: Tone; word: string }> = {
  present: { tone: "good", word: "In it" },
  uncertain: { tone: "warning", word: "Not sure" },
  lapsed: { tone: "none", word: "Expired" },
};

export function Trace({ project }: { project: string }) {
  const { may } = useMay("manager");
  const [identifier, setIdentifier] = useState("");
  const params = { path: { project } };
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/trace", { params, body: { identifier: identifier.trim() } })),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <Card>
      <Stack gap="sm">
        <Title order={2}>Trace one identifier</Title>
        <form onSubmit={submit}>
          <Group align="flex-end" gap="xs">
            <TextInput
              label="A device ID, a Trade Desk GUID or a raw UID2"
              value={identifier}
              onChange={(event) => setIdentifier(event.currentTarget.value)}
              autoComplete="off"
              spellCheck={false}
              maxLength={200}
              miw={280}
              flex={1}
              disabled={!may}
            />
            <MayButton needs="manager" type="submit" variant="default" loading={ask.isPending} disabled={!identifier.trim()}>
              Trace
            </MayButton>
          </Group>
        </form>
        {ask.error && <Failure error={ask.error} />}
        {ask.data && <Answer told={ask.data as unknown as Told} />}
      </Stack>
    </Card>
  );
}

function Answer({ told }: { told: Told }) {
  return (
    <Stack gap="xs" role="status">
      {told.suppressed.map((each) => (
        <Text size="sm" key={each.since}>
          Named in an opt-out or deletion on {moment(each.since)}: it is sent nowhere any more.
        </Text>
      ))}
      {told.beliefs.map((each) => (
        <Group key={each.segment} gap="sm">
          <Status tone={STANDINGS[each.standing].tone}>{STANDINGS[each.standing].word}</Status>
          <Text size="sm">
            {each.segment}, since {moment(each.since)}, until {moment(each.expires_until)}
          </Text>
        </Group>
      ))}
      {!told.beliefs.length && <Text size="sm">In no segment of this project, as far as is known.</Text>}
      {told.history.map((each) => (
        <Text size="sm" c="dimmed" key={`${each.run} ${each.segment} ${each.operation}`}>
          {moment(each.opened_at)}: {(operations[each.operation] ?? each.operation).toLowerCase()},{" "}
          {each.ending.replace("_", " ")}
          {each.code ? ` (${each.code})` : ""}, {each.segment}
        </Text>
      ))}
    </Stack>
  );
}
