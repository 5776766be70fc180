/** An account at a platform: added, changed, tested. Its secret is written here and never shown. */
import { Alert, Card, Group, PasswordInput, SegmentedControl, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { answer, api, onlyOver, Problem, type Shape, sentence } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { places, document as words } from "../../labels";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { Asked, Failure } from "../../parts/States";
import { useThen } from "../../parts/then";
import { Nowhere } from "../../shell/Nowhere";
import { IdentityRows } from "./IdentityRows";
import { idFrom, type Row, rowOf, written } from "./identity";
import { PlatformAccess } from "./PlatformAccess";
import { type Account, type Connection, connectionsOf, type Tile, useConnections, useTiles } from "./queries";
import { Reach } from "./Reach";
import { Removal } from "./Removal";

export function Component() {
  const project = useProject();
  const { kind, connection } = useParams();
  const tiles = useTiles(project);
  const connections = useConnections(project);
  return (
    <Asked of={tiles}>
      {(found) => (
        <Asked of={connections}>
          {({ items }) => {
            const tile = found.find((each) => each.kind === kind);
            const known = items.find((each) => each.id === connection && each.destination === kind);
            if (!tile || (connection && !known)) return <Nowhere />;
            return <Form key={known?.id ?? ""} tile={tile} known={known} taken={items.map((each) => each.id)} />;
          }}
        </Asked>
      )}
    </Asked>
  );
}

interface Fields {
  name: string;
  advertiser: string;
  secret: string;
  auth: "signature" | "token";
  region: string | null;
  rows: Row[];
  send: "all" | "first";
}

function Form({ tile, known, taken }: { tile: Tile; known?: Connection; taken: string[] }) {
  const project = useProject();
  const { may } = useMay("manager");
  const [fields, setFields] = useState<Fields>(() => fieldsOf(known));
  const set = (change: Partial<Fields>) => setFields((before) => ({ ...before, ...change }));
  const [begun, setBegun] = useState(known);
  const path = { project, connection: begun?.id ?? idFrom(fields.name, taken) };
  const base = `/projects/${project}/catalog/destinations`;
  const test = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/projects/{project}/connections/{connection}/draft/test", {
          params: { path },
          body,
        }),
      ),
  });
  const { then } = useThen();
  const body = bodyOf(tile, fields);
  const save = useSave({ path, body, begun, onSaved: setBegun, back: then ?? `${base}/${tile.kind}` });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const complete = Boolean(fields.advertiser.trim() && fields.region && (fields.secret || known));
  return (
    <Page
      title={known ? known.name : words.add}
      crumbs={[
        { label: `${places.catalog}, ${words.destinations}`, to: base },
        { label: tile.name, to: `${base}/${tile.kind}` },
      ]}
    >
      <form onSubmit={submit}>
        <Stack gap="md" maw={860}>
          {known?.paused && (
            <Alert color="yellow" title="This account is paused">
              {sentence(new Error(known.paused))} Mend what is wrong and save: it is tested then, and sends again when it answers.
            </Alert>
          )}
          <Credentials tile={tile} known={known} fields={fields} set={set} disabled={!may} />
          <Card>
            <Stack gap="sm">
              <Title order={2}>Who is sent</Title>
              <Text size="sm" c="dimmed">
                Say where your data holds the identifiers that the platform knows. Anything that is none of these is left out and
                counted.
              </Text>
              <IdentityRows
                rows={fields.rows}
                send={fields.send}
                idTypes={tile.id_types}
                disabled={!may}
                onRows={(rows) => set({ rows })}
                onSend={(send) => set({ send })}
              />
              <Reach rows={fields.rows} send={fields.send} />
            </Stack>
          </Card>
          <TestResult test={test} />
          {save.error && <Failure error={save.error} />}
          <Group justify="space-between">
            <Group>
              <MayButton needs="manager" type="submit" loading={save.isPending}>
                {words.save}
              </MayButton>
              <MayButton
                needs="manager"
                variant="default"
                loading={test.isPending}
                disabled={!complete}
                onClick={() => test.mutate()}
              >
                Test connection
              </MayButton>
            </Group>
            {known && may && <Removal connection={known} back={`${base}/${tile.kind}`} />}
          </Group>
        </Stack>
      </form>
      {known && tile.regions.length > 0 && <PlatformAccess connection={known.id} />}
    </Page>
  );
}

interface Part {
  tile: Tile;
  known?: Connection;
  fields: Fields;
  set: (change: Partial<Fields>) => void;
  disabled: boolean;
}

function Credentials({ tile, known, fields, set, disabled }: Part) {
  const token = fields.auth === "token";
  return (
    <Card>
      <Stack gap="md">
        <Title order={2}>Account</Title>
        <TextInput
          label={words.name}
          description="How this account is called here."
          required
          maxLength={200}
          value={fields.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          disabled={disabled}
          autoFocus={!known}
        />
        <TextInput
          label={words.advertiser}
          required
          autoComplete="off"
          value={fields.advertiser}
          onChange={(event) => set({ advertiser: event.currentTarget.value })}
          disabled={disabled}
        />
        <Stack gap={6}>
          <SegmentedControl
            aria-label="What the secret is"
            size="xs"
            w="fit-content"
            data={[
              { value: "signature", label: "Secret key" },
              { value: "token", label: "Token" },
            ]}
            value={fields.auth}
            onChange={(auth) => set({ auth: auth === "token" ? "token" : "signature" })}
            disabled={disabled}
          />
          <PasswordInput
            label={token ? "Token" : words.secret}
            description={
              known
                ? `Leave it empty to keep the one that is there (fingerprint ${known.secret_fingerprint ?? "none"}).`
                : "Kept sealed on this machine, and never shown again."
            }
            required={!known}
            autoComplete="new-password"
            value={fields.secret}
            onChange={(event) => set({ secret: event.currentTarget.value })}
            disabled={disabled}
          />
        </Stack>
        <Select
          label={words.region}
          description="The one nearest to the people addressed; the platform copies onward by itself."
          placeholder="Choose a region"
          required
          data={tile.regions.map((region) => ({ value: region.key, label: region.label }))}
          value={fields.region}
          onChange={(region) => set({ region })}
          disabled={disabled}
        />
      </Stack>
    </Card>
  );
}

function TestResult({ test }: { test: { data?: Shape<"ProbeView">; error: unknown } }) {
  if (test.error) return <Failure error={test.error} />;
  if (!test.data) return null;
  const { ready, proved, unproved } = test.data;
  return (
    <Alert
      color={ready ? "teal" : "red"}
      icon={ready ? <IconCircleCheck size={18} /> : <IconCircleX size={18} />}
      title={ready ? "The account answers" : "The account does not answer as it should"}
      role="status"
    >
      <Text size="sm">{sentence(new Error(proved))}</Text>
      {unproved && (
        <Text size="sm" c="dimmed">
          {sentence(new Error(`Not shown by this: ${unproved}`))}
        </Text>
      )}
    </Alert>
  );
}

function fieldsOf(known?: Connection): Fields {
  return {
    name: known?.name ?? "",
    advertiser: known?.advertiser ?? "",
    secret: "",
    auth: known?.auth === "token" ? "token" : "signature",
    region: known?.region ?? null,
    rows: known
      ? known.identity.map((each, key) => rowOf(key, each.source, each.id_type, each.take))
      : [rowOf(0, "user_id", "TDID", "latest")],
    send: known?.send === "first" ? "first" : "all",
  };
}

function bodyOf(tile: Tile, fields: Fields): Account {
  return {
    name: fields.name.trim() || "draft",
    destination: tile.kind,
    advertiser: fields.advertiser.trim(),
    region: fields.region ?? "",
    auth: fields.auth,
    send: fields.send,
    identity: fields.rows.map(written),
    secret: fields.secret || null,
  };
}

interface Saving {
  path: { project: string; connection: string };
  body: Account;
  /** What the form was made of, or what it saved since. */
  begun?: Connection;
  onSaved: (connection: Connection) => void;
  back: string;
}

function useSave({ path, body, begun, onSaved, back }: Saving) {
  const client = useQueryClient();
  const go = useNavigate();
  const params = { path };
  return useMutation({
    mutationFn: async () => {
      const header = onlyOver(begun);
      const saved = await answer(
        api.PUT("/api/v1/projects/{project}/connections/{connection}", { params: { path, header }, body }),
      );
      onSaved(saved);
      if (!saved.paused) return;
      const { ready, proved } = await answer(api.POST("/api/v1/projects/{project}/connections/{connection}/test", { params }));
      if (!ready) throw new Problem(0, "Saved, and still paused", proved);
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: connectionsOf(path.project) });
      await go(back);
    },
  });
}
