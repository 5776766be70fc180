/** In the cohort, has an id, valid, unique, sent, accepted: how many came so far, whom each step lost and why. */
import { Card, Group, Stack, Text, Title } from "@mantine/core";
import type { Shape } from "../../api/client";
import { steps as words } from "../../labels";
import { count } from "../../parts/figures";
import classes from "./Funnel.module.css";

export function Funnel({ steps }: { steps: Shape<"StepView">[] }) {
  const most = Math.max(1, ...steps.map((step) => step.count));
  return (
    <Card>
      <Stack gap="md">
        <Title order={2}>From people to the platform</Title>
        <ol className={classes.steps}>
          {steps.map((step) => (
            <li key={step.name}>
              <Group justify="space-between" gap="xs" wrap="nowrap">
                <Text size="sm" fw={560}>
                  {words[step.name] ?? step.name}
                </Text>
                <Text size="sm" className="figure">
                  {count(step.count)}{" "}
                  <Text span c="dimmed" size="sm">
                    {step.unit}
                  </Text>
                </Text>
              </Group>
              <svg className={classes.bar} viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
                <rect className={classes.ground} width="100" height="1" />
                <rect className={classes.filled} width={(100 * step.count) / most} height="1" />
              </svg>
              {step.lost.map((loss) => (
                <Text size="xs" c="dimmed" key={loss.why} className={classes.lost}>
                  <span className="figure">−{count(loss.count)}</span> {loss.why}
                </Text>
              ))}
            </li>
          ))}
        </ol>
      </Stack>
    </Card>
  );
}
