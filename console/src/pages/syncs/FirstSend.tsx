/** What the first send comes to. It may take as long as the cohort does, and nothing waits for it. */
import { Button, Card, Group, Loader, Modal, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Shape } from "../../api/client";
import { idTypesShort } from "../../labels";
import { useAnnounced } from "../../parts/Announcer";
import { bytes, count, many, share, span } from "../../parts/figures";
import { Source } from "../../parts/Source";
import { Failure } from "../../parts/States";

interface Props {
  reach: UseQueryResult<Shape<"IdentifiersView">>;
  forecast: UseQueryResult<Shape<"ForecastView">>;
}

export function FirstSend({ reach, forecast }: Props) {
  const found = reach.data;
  useAnnounced(
    found && `${many(found.members, "person", "people")} in the cohort, ${count(found.members_usable)} can be addressed`,
  );
  return (
    <Card>
      <Stack gap="sm">
        <Title order={2}>The first send</Title>
        {forecast.error ? <Failure error={forecast.error} /> : null}
        {forecast.data && (
          <Text size="sm">
            To the segment <b>{forecast.data.segment}</b> of advertiser {forecast.data.advertiser}
            {forecast.data.holds ? `, which holds ${count(forecast.data.holds)} already` : ", which is new"}.
          </Text>
        )}
        {reach.error ? <Failure error={reach.error} again={() => void reach.refetch()} /> : null}
        {reach.isLoading && (
          <Group gap="xs" role="status">
            <Loader size="xs" />
            <Text size="sm" c="dimmed">
              Counting who can be addressed. You can save without waiting.
            </Text>
          </Group>
        )}
        {reach.data && <People reach={reach.data} holds={forecast.data?.holds} />}
        {forecast.data?.cost && <Requests cost={forecast.data.cost} />}
        {forecast.data && <Sample body={forecast.data.sample} />}
      </Stack>
    </Card>
  );
}

/** `holds` counts who is in the segment already; of a new one nobody can be removed or renewed. */
function People({ reach, holds }: { reach: Shape<"IdentifiersView">; holds?: number }) {
  const part = reach.members ? reach.members_usable / reach.members : 0;
  return (
    <Stack gap={4}>
      <Lines>
        <Line word="People in the cohort" value={count(reach.members)} />
        <Line word={`Who can be addressed (${share(part)})`} value={count(reach.members_usable)} />
        {Object.entries(reach.identifiers).map(([kind, many]) => (
          <Line key={kind} word={`${idTypesShort[kind] ?? kind} to add${holds ? " or renew" : ""}`} value={count(many)} />
        ))}
        {holds === 0 && (
          <>
            <Line word="To remove" value="0" />
            <Line word="To renew" value="0" />
          </>
        )}
      </Lines>
      {holds ? (
        <Text size="xs" c="dimmed">
          They are compared with who is in it before anything is sent; whoever is not in the cohort is removed.
        </Text>
      ) : null}
    </Stack>
  );
}

function Lines({ children }: { children: ReactNode }) {
  return (
    <Stack component="dl" gap={4} m={0}>
      {children}
    </Stack>
  );
}

function Line({ word, value }: { word: string; value: string }) {
  return (
    <Group justify="space-between" wrap="nowrap">
      <Text component="dt" size="sm">
        {word}
      </Text>
      <Text component="dd" m={0} size="sm" fw={600} className="figure">
        {value}
      </Text>
    </Group>
  );
}

function Requests({ cost }: { cost: Shape<"CostView"> }) {
  return (
    <Stack gap={4}>
      <Lines>
        <Line word="Requests" value={count(cost.requests)} />
        <Line word="Bytes" value={bytes(cost.octets)} />
        <Line word="Time to send" value={`about ${span(cost.seconds)}`} />
      </Lines>
      <Text size="xs" c="dimmed">
        {cost.measured
          ? "At the pace of the last run through this account."
          : "If a request takes a second; nothing was sent through this account yet."}
      </Text>
    </Stack>
  );
}

/** One request, with identifiers of nobody. */
function Sample({ body }: { body: string }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button variant="subtle" size="xs" onClick={open} style={{ alignSelf: "flex-start" }}>
        See a request
      </Button>
      <Modal opened={opened} onClose={close} title="A request as it is sent, with identifiers of nobody" size="lg">
        <Source>{JSON.stringify(JSON.parse(body), null, 2)}</Source>
      </Modal>
    </>
  );
}
