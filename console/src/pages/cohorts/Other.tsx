/** A cohort that is not built clause by clause: a list, a SELECT, one that Amplitude keeps, one that it pushes, a lookalike. */
import { Button, Card, FileButton, Group, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { answer, api, onlyOver } from "../../api/client";
import { useCohortNames } from "../../api/names";
import { useProject } from "../../api/session";
import { places, document as words } from "../../labels";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { asItIs, plainName } from "../../parts/SendFile";
import { Failure } from "../../parts/States";
import { Nowhere } from "../../shell/Nowhere";
import { idFrom } from "../destinations/identity";
import { Columns } from "./Columns";
import { complete, guessed, header, type Columns as Named, read, written } from "./columns";
import { FromAmplitude } from "./FromAmplitude";
import { KindTabs } from "./KindTabs";
import { LookalikeForm } from "./Lookalike";
import { type Cohort, cohortsOf } from "./queries";

type Definition = Record<string, unknown>;

const FORMS: Record<string, (props: FormProps) => ReactNode> = {
  static: ListForm,
  sql: SelectForm,
  amplitude: FromAmplitude,
  webhook: PushedForm,
  lookalike: LookalikeForm,
};

export interface FormProps {
  known?: Cohort;
  /** Null while something is missing. */
  onDefined: (definition: Definition | null, name?: string, file?: File) => void;
}

export function Component() {
  const { kind = "" } = useParams();
  return FORMS[kind] ? <Other key={kind} kind={kind} /> : <Nowhere />;
}

export function Other({ kind, known }: { kind: string; known?: Cohort }) {
  const project = useProject();
  const [name, setName] = useState(known?.name ?? "");
  const [made, setMade] = useState<{ definition: Definition; file?: File } | null>(
    known ? { definition: known.definition } : null,
  );
  const [begun, setBegun] = useState(known);
  const save = useSave(project, kind, begun, setBegun);
  const base = `/projects/${project}/cohorts`;
  const Form = FORMS[kind];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (made) save.mutate({ name, ...made });
  };
  return (
    <Page
      title={known ? `Edit ${known.name}` : "New cohort"}
      crumbs={[{ label: places.cohorts, to: base }, ...(known ? [{ label: known.name, to: `${base}/${known.id}` }] : [])]}
    >
      {!known && <KindTabs kind={kind} />}
      <form onSubmit={submit}>
        <Stack gap="md" maw={760}>
          <TextInput
            label="Name"
            required
            maxLength={200}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Card>
            {Form && (
              <Form
                known={known}
                onDefined={(definition, called, file) => {
                  setMade(definition && { definition, file });
                  if (called && !name) setName(called);
                }}
              />
            )}
          </Card>
          {save.error && <Failure error={save.error} />}
          <Group>
            <MayButton needs="member" type="submit" loading={save.isPending} disabled={!made || !name.trim()}>
              {words.save}
            </MayButton>
          </Group>
        </Stack>
      </form>
    </Page>
  );
}

/** `begun` is what the form was made of, or what it saved since: a file that did not arrive is sent again over that. */
function useSave(project: string, kind: string, begun: Cohort | undefined, onSaved: (cohort: Cohort) => void) {
  const client = useQueryClient();
  const go = useNavigate();
  const names = useCohortNames(project);
  return useMutation({
    mutationFn: async ({ name, definition, file }: { name: string; definition: Definition; file?: File }) => {
      const cohort = begun?.id ?? idFrom(name, names.data?.map((each) => each.value) ?? [], "cohort");
      const path = { project, cohort };
      const body = { name: name.trim(), kind, definition };
      const saved = await answer(
        api.PUT("/api/v1/projects/{project}/cohorts/{cohort}", { params: { header: onlyOver(begun), path }, body }),
      );
      onSaved(saved);
      if (file) {
        const params = { path, query: { name: plainName(file, "list.csv") } };
        await answer(api.POST("/api/v1/projects/{project}/cohorts/{cohort}/list", { params, ...asItIs(file) }));
      }
      return saved;
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: cohortsOf(project) });
      await client.invalidateQueries({ queryKey: ["uploads", project] });
      await go(`/projects/${project}/cohorts/${saved.id}`);
    },
  });
}

function ListForm({ known, onDefined }: FormProps) {
  const [file, setFile] = useState<File | null>(null);
  const [names, setNames] = useState<string[]>([]);
  const [columns, setColumns] = useState<Named>(() => read(known?.definition ?? {}));
  const put = (value: Named, chosen: File | null = file) => {
    setColumns(value);
    onDefined(
      complete(value) && (chosen || known) ? written(value) : null,
      chosen?.name.replace(/\.[^.]+$/, ""),
      chosen ?? undefined,
    );
  };
  const choose = async (chosen: File | null) => {
    if (!chosen) return;
    const found = await header(chosen);
    setFile(chosen);
    setNames(found);
    put(complete(columns) ? columns : guessed(found), chosen);
  };
  return (
    <Stack gap="md">
      <Group>
        <FileButton onChange={(chosen) => void choose(chosen)} accept=".csv,.parquet">
          {(props) => (
            <Button {...props} variant="default">
              {file ? "Choose another file" : "Choose a file"}
            </Button>
          )}
        </FileButton>
        <Text size="sm" c="dimmed">
          {file ? file.name : "A CSV with a header line, or Parquet. It is sent when you save."}
        </Text>
      </Group>
      <Columns value={columns} known={names} onChange={put} />
    </Stack>
  );
}

const QUERY = "SELECT DISTINCT person FROM events WHERE event_type = 'Purchase'";

function SelectForm({ known, onDefined }: FormProps) {
  const before = known?.definition ?? {};
  const [query, setQuery] = useState(typeof before.query === "string" ? before.query : "");
  const [columns, setColumns] = useState<Named>(() => (known ? read(before) : { people: "person", identifiers: [] }));
  const put = (text: string, value: Named) => {
    setQuery(text);
    setColumns(value);
    onDefined(text.trim() && complete(value) ? { query: text.trim(), ...written(value) } : null);
  };
  return (
    <Stack gap="md">
      <Textarea
        label="The SELECT"
        description="Over the table events: person, user_id, device_id, event_type, time, event_properties and user_properties (JSON texts). It reads, and changes nothing."
        placeholder={QUERY}
        autosize
        minRows={4}
        maxRows={20}
        spellCheck={false}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        value={query}
        onChange={(event) => put(event.currentTarget.value, columns)}
      />
      <Columns value={columns} known={["person", "user_id"]} onChange={(value) => put(query, value)} />
    </Stack>
  );
}

function PushedForm({ known, onDefined }: FormProps) {
  const [there, setThere] = useState(String(known?.definition.cohort ?? ""));
  const put = (value: string) => {
    setThere(value);
    onDefined(value.trim() ? { ...known?.definition, cohort: value.trim() } : null);
  };
  return (
    <Stack gap="sm">
      <TextInput
        label="Id of the cohort in Amplitude"
        description="It stands in the address of the cohort's page there. Once this is saved, its page says where Amplitude sends to."
        maxLength={64}
        value={there}
        onChange={(event) => put(event.currentTarget.value)}
      />
    </Stack>
  );
}
