/** The visual builder: clauses in nested groups, the size of the whole and of each part while one writes, and what a change would do. */
import { Alert, Card, Grid, Group, Progress, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { answer, api, onlyOver } from "../../api/client";
import { useCohortNames } from "../../api/names";
import { useMay, useProject } from "../../api/session";
import { places, document as words } from "../../labels";
import { useAnnounced } from "../../parts/Announcer";
import { count, many, share } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { Source } from "../../parts/Source";
import { Asked, Failure, Loading } from "../../parts/States";
import { idFrom } from "../destinations/identity";
import { read, written } from "./document";
import { KindTabs } from "./KindTabs";
import { Other } from "./Other";
import { Overlap } from "./Overlap";
import { type Cohort, cohortsOf, useCohort, useSizes } from "./queries";
import { RuleEditor, sizesOf } from "./RuleEditor";
import { type Document, did, group, pruned, type Group as Rules, unfinished } from "./rule";
import { yaml } from "./yaml";

/** Milliseconds without a key after which the size is asked for. */
const PAUSE = 350;

export function Component() {
  const project = useProject();
  const { cohort } = useParams();
  const known = useCohort(project, cohort ?? "");
  if (!cohort) return <Writing />;
  return (
    <Asked of={known}>
      {(found) =>
        found.kind === "behavioural" ? <Writing key={found.id} known={found} /> : <Other kind={found.kind} known={found} />
      }
    </Asked>
  );
}

function Writing({ known }: { known?: Cohort }) {
  const project = useProject();
  const { may } = useMay("member");
  const [name, setName] = useState(known?.name ?? "");
  const [rule, setRule] = useState<Rules>(() => (known ? read(known.definition.who as Document) : group([did()])));
  const [settled] = useDebouncedValue(rule, PAUSE);
  const asked = useMemo(() => pruned(settled), [settled]);
  const who = useMemo(() => (asked ? written(asked) : undefined), [asked]);
  const sizes = useSizes(project, { cohort: known?.id, who }, may && who !== undefined);
  const shown = useMemo(
    () => (asked && sizes.data && !sizes.isPlaceholderData ? sizesOf(asked, sizes.data.who) : new Map()),
    [asked, sizes.data, sizes.isPlaceholderData],
  );
  const [begun] = useState(known);
  const save = useSave(project, begun, name, rule);
  const open = unfinished(rule);
  const base = `/projects/${project}/cohorts`;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Page
      title={known ? `Edit ${known.name}` : "New cohort"}
      crumbs={[{ label: places.cohorts, to: base }, ...(known ? [{ label: known.name, to: `${base}/${known.id}` }] : [])]}
    >
      {!known && <KindTabs kind="behavioural" />}
      <form onSubmit={submit}>
        <Grid gap="lg">
          <Grid.Col span={{ base: 12, md: 8 }}>
            <Stack gap="md">
              <TextInput
                label="Name"
                required
                maxLength={200}
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
                autoFocus={!known}
              />
              <RuleEditor part={rule} sizes={shown} onChange={setRule} />
              {save.error && <Failure error={save.error} />}
              <Group>
                <MayButton needs="member" type="submit" loading={save.isPending} disabled={open > 0 || !rule.rules.length}>
                  {words.save}
                </MayButton>
                {open > 0 && (
                  <Text size="sm" c="dimmed">
                    {many(open, "clause is", "clauses are")} not complete yet.
                  </Text>
                )}
              </Group>
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 4 }}>
            <Stack gap="md" style={{ position: "sticky", top: 76 }}>
              <Live sizes={sizes} empty={!who} />
              {known && who && <Change cohort={known.id} who={who} />}
              {who && <Overlap look={{ cohort: known?.id, who }} />}
              {who && <Source>{yaml({ who }).trimStart()}</Source>}
            </Stack>
          </Grid.Col>
        </Grid>
      </form>
    </Page>
  );
}

function Live({ sizes, empty }: { sizes: ReturnType<typeof useSizes>; empty: boolean }) {
  const { data, isPlaceholderData: old } = sizes;
  const part = data ? share(data.members / Math.max(1, data.universe)) : "";
  useAnnounced(data && !old && !empty ? `${many(data.members, "person", "people")}, ${part} of all` : null);
  return (
    <Card>
      <Stack gap={6}>
        <Title order={2} size="sm" fw={400} c="dimmed">
          People now
        </Title>
        <Size sizes={sizes} empty={empty} />
      </Stack>
    </Card>
  );
}

function Size({ sizes, empty }: { sizes: ReturnType<typeof useSizes>; empty: boolean }) {
  if (empty) return <Text size="sm">Choose an event, a property or a cohort, and its size shows here.</Text>;
  if (sizes.error) return <Failure error={sizes.error} />;
  if (!sizes.data) return <Loading lines={1} />;
  const part = sizes.data.members / Math.max(1, sizes.data.universe);
  return (
    <>
      <Text className="figure" fz={32} fw={640} lh={1.1} opacity={sizes.isFetching ? 0.5 : 1}>
        {count(sizes.data.members)}
      </Text>
      <Progress value={100 * part} aria-label={`${share(part)} of all people`} />
      <Text size="sm" c="dimmed">
        {share(part)} of {count(sizes.data.universe)} people
      </Text>
      <Text size="sm">People {sizes.data.who.sentence}.</Text>
    </>
  );
}

/** What saving would do to the cohort as it is. */
function Change({ cohort, who }: { cohort: string; who: Document }) {
  const project = useProject();
  const body = { cohort, who, edit: 0 };
  const change = useQuery({
    queryKey: ["comparison", project, cohort, JSON.stringify(who)],
    queryFn: () => answer(api.POST("/api/v1/projects/{project}/previews/comparison", { params: { path: { project } }, body })),
    staleTime: 60_000,
  });
  if (!change.data) return null;
  const { before, added, removed } = change.data;
  if (!added && !removed) return null;
  return (
    <Alert color="blue" title="If you save this">
      <Text size="sm">
        {many(added, "person comes", "people come")} in and {many(removed, "person goes", "people go")}, of {count(before)} now.
        Its segments follow with their next run.
      </Text>
    </Alert>
  );
}

function useSave(project: string, known: Cohort | undefined, name: string, rule: Rules) {
  const client = useQueryClient();
  const go = useNavigate();
  const names = useCohortNames(project);
  const over = onlyOver(known);
  return useMutation({
    mutationFn: () => {
      const cohort = known?.id ?? idFrom(name, names.data?.map((each) => each.value) ?? [], "cohort");
      const body = { name: name.trim(), kind: "behavioural", definition: { who: written(rule) } };
      return answer(
        api.PUT("/api/v1/projects/{project}/cohorts/{cohort}", {
          params: { header: over, path: { project, cohort } },
          body,
        }),
      );
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: cohortsOf(project) });
      await client.invalidateQueries({ queryKey: ["sizes", project] });
      await go(`/projects/${project}/cohorts/${saved.id}`);
    },
  });
}
