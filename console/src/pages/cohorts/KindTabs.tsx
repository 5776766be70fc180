/** What a new cohort is made of: each way is a page of its own. */
import { Button, Group } from "@mantine/core";
import { Link } from "react-router";
import { useProject } from "../../api/session";

const WAYS = [
  { kind: "behavioural", label: "What people did" },
  { kind: "static", label: "A list you have" },
  { kind: "sql", label: "A SELECT" },
  { kind: "amplitude", label: "Kept in Amplitude" },
  { kind: "webhook", label: "Pushed by Amplitude" },
  { kind: "lookalike", label: "Like another cohort" },
];

export function KindTabs({ kind }: { kind: string }) {
  const base = `/projects/${useProject()}/cohorts/new`;
  return (
    <Group component="nav" gap="xs" aria-label="What the cohort is made of">
      {WAYS.map((each) => (
        <Button
          key={each.kind}
          component={Link}
          to={each.kind === "behavioural" ? base : `${base}/${each.kind}`}
          variant={each.kind === kind ? "light" : "default"}
          aria-current={each.kind === kind ? "page" : undefined}
          size="xs"
        >
          {each.label}
        </Button>
      ))}
    </Group>
  );
}
