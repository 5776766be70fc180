/** A project's first page: where nothing is there yet, the two ways to begin; else what there is. */
import { Button, Card, FileButton, Group, List, SimpleGrid, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconFileImport, type IconProps, IconSeedling } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ComponentType, ReactNode } from "react";
import { Navigate, useNavigate, useNavigation } from "react-router";
import { answer, api } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { count } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { Asked, Failure } from "../../parts/States";
import { Status } from "../../parts/Status";
import { useCohortNames, useWords } from "../cohorts/queries";

export function Component() {
  const project = useProject();
  const words = useWords(project);
  const cohorts = useCohortNames(project);
  const leaving = useNavigation().state !== "idle";
  if (leaving) return null;
  return (
    <Asked of={words}>
      {({ events }) => (
        <Asked of={cohorts}>
          {(names) => (events.length || names.length ? <Navigate to="overview" replace /> : <Ways project={project} />)}
        </Asked>
      )}
    </Asked>
  );
}

function Ways({ project }: { project: string }) {
  return (
    <Page
      title="Begin"
      about="Nothing is in this project yet. Look around with people who were made up, or bring what yours did."
    >
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Samples project={project} />
        <Events project={project} />
      </SimpleGrid>
    </Page>
  );
}

function Samples({ project }: { project: string }) {
  const client = useQueryClient();
  const go = useNavigate();
  const fill = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/samples", { params: { path: { project } } })),
    onSuccess: async () => {
      await client.invalidateQueries();
      await go(`/projects/${project}/cohorts`);
    },
  });
  return (
    <Way icon={IconSeedling} title="Try with sample data and the sandbox">
      <List size="sm" spacing={4}>
        <List.Item>2,000 people of a made-up shop, ninety days of what they did</List.Item>
        <List.Item>three cohorts, ready to look into and to change</List.Item>
        <List.Item>an account at the sandbox, an emulated Trade Desk on this machine, where one runs</List.Item>
      </List>
      <Text size="sm" c="dimmed">
        Nothing leaves this machine. It takes about ten seconds.
      </Text>
      {fill.error && <Failure error={fill.error} />}
      <MayButton needs="manager" loading={fill.isPending} onClick={() => fill.mutate()}>
        Fill this project
      </MayButton>
    </Way>
  );
}

function Events({ project }: { project: string }) {
  const client = useQueryClient();
  const { may, why } = useMay("manager");
  const bring = useMutation({
    mutationFn: (file: File) => {
      const params = {
        path: { project },
        query: { name: file.name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "events.csv" },
      };
      return answer(
        api.POST("/api/v1/projects/{project}/events/imports", {
          params,
          body: file as never,
          bodySerializer: (body) => body as unknown as File,
          headers: { "Content-Type": "application/octet-stream" },
        }),
      );
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["segments"] }),
  });
  return (
    <Way icon={IconFileImport} title="Start from a CSV">
      <Text size="sm">
        One row for each thing somebody did, with the columns <b>event_type</b>, <b>time</b> and <b>user_id</b> (or device_id).
        Further columns, named event.NAME and user.NAME, become properties. Exports of Amplitude (.zip, .json.gz), .ndjson and
        .parquet will do too.
      </Text>
      {bring.error && <Failure error={bring.error} />}
      {bring.data && <Brought found={bring.data} project={project} />}
      <FileButton onChange={(file) => file && bring.mutate(file)} accept=".csv,.parquet,.json,.ndjson,.gz,.zip">
        {(props) => (
          <Button {...props} variant="default" loading={bring.isPending} disabled={!may} title={why}>
            Choose a file
          </Button>
        )}
      </FileButton>
    </Way>
  );
}

function Brought({
  found,
  project,
}: {
  found: { events_new: number; rejects: Record<string, number>; refused: string | null };
  project: string;
}) {
  const go = useNavigate();
  const client = useQueryClient();
  const on = async () => {
    await client.invalidateQueries();
    await go(`/projects/${project}/cohorts`);
  };
  if (found.refused) return <Failure error={new Error(`the file was refused: ${found.refused}`)} />;
  return (
    <Stack gap="xs" role="status">
      <Group gap="xs">
        <Status tone="good">{`${count(found.events_new)} events`}</Status>
        {Object.entries(found.rejects).map(([reason, lines]) => (
          <Status key={reason} tone="warning">{`${count(lines)} lines: ${reason}`}</Status>
        ))}
      </Group>
      {found.events_new > 0 && (
        <Button onClick={() => void on()} w="fit-content">
          Go to the cohorts
        </Button>
      )}
    </Stack>
  );
}

function Way({ icon: Icon, title, children }: { icon: ComponentType<IconProps>; title: string; children: ReactNode }) {
  return (
    <Card padding="lg">
      <Stack gap="md" align="flex-start">
        <Group gap="sm" wrap="nowrap">
          <ThemeIcon size={36} radius={8} variant="light">
            <Icon size={20} />
          </ThemeIcon>
          <Title order={2}>{title}</Title>
        </Group>
        {children}
      </Stack>
    </Card>
  );
}
