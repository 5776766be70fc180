/** A cohort that Amplitude keeps: through which source, and which of its cohorts; a source is added here where there is none. */
import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { count, many } from "../../parts/figures";
import { Asked } from "../../parts/States";
import { Keys } from "../sources/Keys";
import { sourcesOf, useSources } from "../sources/queries";
import type { FormProps } from "./Other";

export function FromAmplitude({ known, onDefined }: FormProps) {
  const project = useProject();
  const sources = useSources(project);
  const [source, setSource] = useState<string | null>(known ? String(known.definition.source) : null);
  const [adding, setAdding] = useState(false);
  return (
    <Asked of={sources} lines={2}>
      {({ items: all }) => {
        const items = all.filter((each) => each.kind === "amplitude");
        const chosen = items.find((each) => each.id === (source ?? items[0]?.id));
        if (!items.length || adding) {
          return <Keys taken={all.map((each) => each.id)} onSaved={setSource} onClose={() => setAdding(false)} />;
        }
        return (
          <Stack gap="md">
            <Group align="flex-end">
              <Select
                label="Source"
                data={items.map((each) => ({ value: each.id, label: each.name }))}
                value={chosen?.id ?? null}
                onChange={setSource}
                flex="1 1 220px"
              />
              <Button variant="default" onClick={() => setAdding(true)}>
                Add a source
              </Button>
            </Group>
            {chosen?.downloads && (
              <Text size="sm" c="dimmed">
                {count(chosen.downloads.left)} of {many(chosen.downloads.allowed, "download", "downloads")} are left this month.
                Each run of a sync takes one.
              </Text>
            )}
            {chosen && <Which key={chosen.id} source={chosen.id} known={known} onDefined={onDefined} />}
          </Stack>
        );
      }}
    </Asked>
  );
}

function Which({ source, known, onDefined }: FormProps & { source: string }) {
  const project = useProject();
  const { may } = useMay("member");
  const [there, setThere] = useState<string | null>(known ? String(known.definition.cohort) : null);
  const params = { path: { project, source }, query: { limit: 200 } };
  const found = useQuery({
    queryKey: [...sourcesOf(project), source, "cohorts"],
    enabled: may,
    retry: false,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/sources/{source}/cohorts", { params })),
  });
  return (
    <Asked of={found} lines={2}>
      {({ items }) => (
        <Select
          label="Cohort in Amplitude"
          searchable
          placeholder="Choose one"
          data={items
            .filter((each) => !each.archived)
            .map((each) => ({ value: each.id, label: each.size === null ? each.name : `${each.name} (${count(each.size)})` }))}
          value={there}
          onChange={(cohort) => {
            setThere(cohort);
            const name = items.find((each) => each.id === cohort)?.name;
            onDefined(cohort ? { ...known?.definition, source, cohort } : null, name);
          }}
        />
      )}
    </Asked>
  );
}
