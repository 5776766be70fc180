/** How many are in another cohort too, when somebody asks. */
import { Card, Progress, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useCohortNames } from "../../api/names";
import { useMay, useProject } from "../../api/session";
import { count, share } from "../../parts/figures";
import { Asked } from "../../parts/States";

import type { Document } from "./rule";

export function Overlap({ look }: { look: { cohort?: string; who?: Document } }) {
  const project = useProject();
  const { may } = useMay("member");
  const names = useCohortNames(project).data?.filter((each) => each.value !== look.cohort) ?? [];
  const [other, setOther] = useState<string | null>(null);
  const body = { cohort: look.cohort ?? null, who: look.who ?? null, edit: 0, other: other ?? "" };
  const found = useQuery({
    queryKey: ["overlap", project, JSON.stringify(body)],
    enabled: may && other !== null,
    staleTime: 60_000,
    queryFn: () => answer(api.POST("/api/v1/projects/{project}/previews/overlap", { params: { path: { project } }, body })),
  });
  if (!may || !names.length) return null;
  return (
    <Card>
      <Stack gap="xs">
        <Select
          label="Overlap with"
          placeholder="Another cohort"
          searchable
          limit={50}
          clearable
          data={names}
          value={other}
          onChange={setOther}
        />
        {other && (
          <Asked of={found} lines={1}>
            {({ both, only_this: mine, only_that: theirs }) => (
              <Stack gap={4} role="status">
                <Text size="sm">
                  <b className="figure">{count(both)}</b> are in both: {share(both / Math.max(1, both + mine))} of this one,{" "}
                  {share(both / Math.max(1, both + theirs))} of the other.
                </Text>
                <Progress.Root size="lg" aria-hidden>
                  <Progress.Section value={part(mine, both, theirs)} color="teal.3" />
                  <Progress.Section value={part(both, mine, theirs)} color="teal.8" />
                  <Progress.Section value={part(theirs, both, mine)} color="gray.4" />
                </Progress.Root>
                <Text size="xs" c="dimmed">
                  {count(mine)} only in this one, {count(theirs)} only in the other.
                </Text>
              </Stack>
            )}
          </Asked>
        )}
      </Stack>
    </Card>
  );
}

function part(value: number, ...others: number[]): number {
  return (100 * value) / Math.max(1, value + others.reduce((sum, each) => sum + each, 0));
}
