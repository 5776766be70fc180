/** A cohort that Amplitude keeps: through which source, and which of its cohorts; a source is added here where there is none. */
import { Alert, Button, Group, PasswordInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { amplitudeRegions } from "../../labels";
import { count, many } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Asked, Failure } from "../../parts/States";
import { idFrom } from "../destinations/identity";
import type { FormProps } from "./Other";

const sourcesOf = (project: string) => ["sources", project];

export function FromAmplitude({ known, onDefined }: FormProps) {
  const project = useProject();
  const params = { path: { project }, query: { limit: 200 } };
  const sources = useQuery({
    queryKey: sourcesOf(project),
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/sources", { params })),
  });
  const [source, setSource] = useState<string | null>(known ? String(known.definition.source) : null);
  const [adding, setAdding] = useState(false);
  return (
    <Asked of={sources} lines={2}>
      {({ items: all }) => {
        const items = all.filter((each) => each.kind === "amplitude");
        const chosen = items.find((each) => each.id === (source ?? items[0]?.id));
        if (!items.length || adding) {
          return <AddSource taken={all.map((each) => each.id)} onAdded={setSource} onClose={() => setAdding(false)} />;
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

interface Adding {
  taken: string[];
  onAdded: (source: string) => void;
  onClose: () => void;
}

function AddSource({ taken, onAdded, onClose }: Adding) {
  const project = useProject();
  const client = useQueryClient();
  const [name, setName] = useState("Amplitude");
  const [region, setRegion] = useState<string>("us");
  const [apiKey, setApiKey] = useState("");
  const [secretKey, setSecretKey] = useState("");
  /** The source that was added by a first try; the next one changes it. */
  const [kept, setKept] = useState<string | null>(null);
  const add = useMutation({
    mutationFn: async () => {
      const source = kept ?? idFrom(name, taken, "amplitude");
      const path = { project, source };
      const body = { name: name.trim(), kind: "amplitude" as const, region, api_key: apiKey, secret_key: secretKey };
      await answer(api.PUT("/api/v1/projects/{project}/sources/{source}", { params: { path }, body }));
      setKept(source);
      const tested = await answer(api.POST("/api/v1/projects/{project}/sources/{source}/test", { params: { path } }));
      return { source, tested };
    },
    onSuccess: async ({ source, tested }) => {
      await client.invalidateQueries({ queryKey: sourcesOf(project) });
      onAdded(source);
      if (tested.ready) onClose();
    },
  });
  return (
    <Stack gap="sm">
      <Text size="sm">
        The keys stand in Amplitude under Settings &gt; Projects. They are sealed on this machine and never shown again.
      </Text>
      <Group align="flex-end" gap="sm">
        <TextInput
          label="Name of the source"
          value={name}
          maxLength={200}
          onChange={(event) => setName(event.currentTarget.value)}
          flex="1 1 200px"
        />
        <Select
          label="Where it is kept"
          data={Object.entries(amplitudeRegions).map(([value, label]) => ({ value, label }))}
          value={region}
          onChange={(value) => value && setRegion(value)}
          flex="1 1 160px"
        />
      </Group>
      <PasswordInput
        label="API key"
        autoComplete="off"
        value={apiKey}
        onChange={(event) => setApiKey(event.currentTarget.value)}
      />
      <PasswordInput
        label="Secret key"
        autoComplete="new-password"
        value={secretKey}
        onChange={(event) => setSecretKey(event.currentTarget.value)}
      />
      {add.error && <Failure error={add.error} />}
      {add.data && !add.data.tested.ready && <Alert color="red">{add.data.tested.sentence}</Alert>}
      <Group>
        <MayButton
          needs="manager"
          loading={add.isPending}
          disabled={!name.trim() || !apiKey || !secretKey}
          onClick={() => add.mutate()}
        >
          Add and test
        </MayButton>
        {taken.length > 0 && (
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
        )}
      </Group>
    </Stack>
  );
}
