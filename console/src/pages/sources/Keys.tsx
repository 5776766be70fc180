/** A source in Amplitude: its name, where it is kept and its two keys, which are tried when they are saved. */
import { Alert, Button, Group, PasswordInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useProject } from "../../api/session";
import { amplitudeRegions } from "../../labels";
import { MayButton } from "../../parts/May";
import { Failure } from "../../parts/States";
import { idFrom } from "../destinations/identity";
import { type Source, sourcesOf } from "./queries";

interface Props {
  /** The one that is changed; keys that are left empty stay. */
  known?: Source;
  taken: string[];
  onSaved?: (source: string) => void;
  onClose: () => void;
}

export function Keys({ known, taken, onSaved, onClose }: Props) {
  const project = useProject();
  const client = useQueryClient();
  const [name, setName] = useState(known?.name ?? "Amplitude");
  const [region, setRegion] = useState<string>(known?.region ?? "us");
  const [apiKey, setApiKey] = useState("");
  const [secretKey, setSecretKey] = useState("");
  /** The source that was added by a first try; the next one changes it. */
  const [kept, setKept] = useState<string | null>(known?.id ?? null);
  const save = useMutation({
    mutationFn: async () => {
      const source = kept ?? idFrom(name, taken, "amplitude");
      const path = { project, source };
      const keys = apiKey || secretKey ? { api_key: apiKey, secret_key: secretKey } : {};
      const body = { name: name.trim(), kind: "amplitude" as const, region, app: known?.app, ...keys };
      await answer(api.PUT("/api/v1/projects/{project}/sources/{source}", { params: { path }, body }));
      setKept(source);
      const tested = await answer(api.POST("/api/v1/projects/{project}/sources/{source}/test", { params: { path } }));
      return { source, tested };
    },
    onSuccess: async ({ source, tested }) => {
      await client.invalidateQueries({ queryKey: sourcesOf(project) });
      onSaved?.(source);
      if (tested.ready) onClose();
    },
  });
  const whole = known ? !apiKey === !secretKey : Boolean(apiKey && secretKey);
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
        placeholder={known && "As it is"}
        autoComplete="off"
        value={apiKey}
        onChange={(event) => setApiKey(event.currentTarget.value)}
      />
      <PasswordInput
        label="Secret key"
        placeholder={known && "As it is"}
        autoComplete="new-password"
        value={secretKey}
        onChange={(event) => setSecretKey(event.currentTarget.value)}
      />
      {save.error && <Failure error={save.error} />}
      {save.data && !save.data.tested.ready && <Alert color="red">{save.data.tested.sentence}</Alert>}
      <Group>
        <MayButton needs="manager" loading={save.isPending} disabled={!name.trim() || !whole} onClick={() => save.mutate()}>
          {known ? "Save and test" : "Add and test"}
        </MayButton>
        {(known || taken.length > 0) && (
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
        )}
      </Group>
    </Stack>
  );
}
