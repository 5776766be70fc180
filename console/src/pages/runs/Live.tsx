/** A run while it goes on: what it is at, how much is done, how fast, and how long it will take. */
import { Card, Group, Progress, Stack, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { phases } from "../../labels";
import { count, share, span } from "../../parts/figures";
import type { Report } from "./queries";

interface Sample {
  at: number;
  done: number;
}

const WINDOW = 15_000;

export function Live({ report }: { report: Report }) {
  const { account, run } = report;
  const done = account.planned - account.not_sent;
  const rate = useRate(run.id, done);
  const left = rate > 0 ? (account.planned - done) / rate : null;
  return (
    <Card component="section" aria-label="Progress">
      <Stack gap="xs">
        <Group justify="space-between">
          <Text fw={600}>{phases[run.state]}</Text>
          {account.planned > 0 && (
            <Text size="sm" className="figure">
              {count(done)} of {count(account.planned)} identifiers, {share(done / account.planned)}
            </Text>
          )}
        </Group>
        <Progress
          value={account.planned ? (100 * done) / account.planned : 100}
          animated={!account.planned}
          striped={!account.planned}
          size="lg"
          aria-label="Sent"
        />
        <Text size="sm" c="dimmed">
          {rate > 0 ? `${count(Math.round(rate))} a second, about ${span(left ?? 0)} left.` : "This page follows it by itself."}
        </Text>
      </Stack>
    </Card>
  );
}

/** Identifiers a second, over the last quarter of a minute. */
function useRate(run: string, done: number): number {
  const seen = useRef<{ run: string; samples: Sample[] }>({ run, samples: [] });
  const [rate, setRate] = useState(0);
  useEffect(() => {
    const now = Date.now();
    const before = seen.current.run === run ? seen.current.samples.filter((each) => now - each.at < WINDOW) : [];
    seen.current = { run, samples: [...before, { at: now, done }] };
    const first = seen.current.samples[0];
    if (first && now > first.at) setRate((1_000 * (done - first.done)) / (now - first.at));
  }, [run, done]);
  return rate;
}
