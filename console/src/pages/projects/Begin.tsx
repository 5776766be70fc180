/** A project's first page: where nothing is there yet, the two ways to begin; else what there is. */
import { Button, Card, FileButton, Group, List, Progress, SimpleGrid, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconFileImport, type IconProps, IconSeedling } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { useNavigate } from "react-router";
import { answer, api, type Shape } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { many } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { Asked, Failure, Loading } from "../../parts/States";
import { Status } from "../../parts/Status";
import { useCohortNames, useWords } from "../cohorts/queries";

/** Shown in this place, not gone to: whoever has clicked on already is not called back. */
const Overview = lazy(() => import("../overview/Overview").then((page) => ({ default: page.Component })));

export function Component() {
  const project = useProject();
  const words = useWords(project);
  const cohorts = useCohortNames(project);
  return (
    <Asked of={words}>
      {({ events }) => (
        <Asked of={cohorts}>
          {(names) =>
            events.length || names.length ? (
              <Suspense fallback={<Loading />}>
                <Overview />
              </Suspense>
            ) : (
              <Ways project={project} />
            )
          }
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
  });
  return (
    <Way icon={IconFileImport} title="Start from a CSV">
      <Text size="sm">
        One row for each thing somebody did, with the columns <b>event_type</b>, <b>time</b> and <b>user_id</b> (or device_id).
        Further columns, named event.NAME and user.NAME, become properties. Exports of Amplitude (.zip, .json.gz), .ndjson and
        .parquet will do too.
      </Text>
      {bring.error && <Failure error={bring.error} />}
      {bring.data && <Brought sent={bring.data} project={project} />}
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

/** How far the file has come, and then what came of it. */
function Brought({ sent, project }: { sent: Shape<"UploadView">; project: string }) {
  const go = useNavigate();
  const client = useQueryClient();
  const path = { project, upload: sent.id };
  const upload = useQuery({
    queryKey: ["upload", project, sent.id],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/uploads/{upload}", { params: { path } })),
    refetchInterval: (query) => (query.state.data?.finished_at ? false : 500),
  });
  const found = upload.data ?? sent;
  const on = async () => {
    await client.invalidateQueries();
    await go(`/projects/${project}/cohorts`);
  };
  if (upload.error) return <Failure error={upload.error} />;
  if (found.state === "refused") return <Failure error={new Error(found.message)} />;
  if (found.state !== "done") {
    return (
      <Progress
        w="100%"
        value={(100 * found.read) / Math.max(1, found.bytes)}
        animated
        aria-label="How much of the file is read"
      />
    );
  }
  const events = found.counts.events_new ?? 0;
  return (
    <Stack gap="xs" role="status">
      <Group gap="xs">
        <Status tone="good">{many(events, "event", "events")}</Status>
        {Object.entries(found.rejects).map(([reason, lines]) => (
          <Status key={reason} tone="warning">{`${many(lines, "line", "lines")}: ${reason}`}</Status>
        ))}
      </Group>
      {events > 0 && (
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
