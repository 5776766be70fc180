/** A project's first page: where nothing is there yet, the two ways to begin; else what there is. */
import { Button, Card, Group, List, SimpleGrid, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconFileImport, type IconProps, IconSeedling } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "../../api/client";
import { useCohortNames } from "../../api/names";
import { useProject } from "../../api/session";
import { MayButton } from "../../parts/May";
import { Page } from "../../parts/Page";
import { Asked, Failure, Loading } from "../../parts/States";
import { useWords } from "../cohorts/queries";
import { SendEvents } from "./SendEvents";

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
  const go = useNavigate();
  const client = useQueryClient();
  const on = async () => {
    await client.invalidateQueries();
    await go(`/projects/${project}/cohorts`);
  };
  return (
    <Way icon={IconFileImport} title="Start from a CSV">
      <SendEvents
        then={(upload) =>
          upload.counts.events_new ? (
            <Button onClick={() => void on()} w="fit-content">
              Go to the cohorts
            </Button>
          ) : null
        }
      />
    </Way>
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
