/** What a page shows while it has nothing to show: it loads, it failed, there is nothing yet. One component each. */
import { Alert, Button, Group, Skeleton, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconAlertTriangle, IconLock, type IconProps } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ComponentType, ReactNode } from "react";
import { Problem, sentence } from "../api/client";

/** Grey lines in the form of what comes. */
export function Loading({ lines = 6 }: { lines?: number }) {
  return (
    <Stack gap="sm" aria-busy="true" aria-label="Loading" role="status">
      {Array.from({ length: lines }, (_, line) => `line ${line}`).map((line, place) => (
        <Skeleton key={line} height={place ? 28 : 36} radius={6} />
      ))}
    </Stack>
  );
}

/** The sentence of a failure, and the way to try again where there is one. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const closed = error instanceof Problem && (error.status === 403 || error.status === 404);
  const title = error instanceof Problem ? error.title : "This page failed";
  return (
    <Alert
      color={closed ? "gray" : "red"}
      icon={closed ? <IconLock size={18} /> : <IconAlertTriangle size={18} />}
      title={title}
      role="alert"
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{sentence(error)}</Text>
        {error instanceof Problem && error.status === 412 && (
          <Button size="xs" variant="default" onClick={() => window.location.reload()}>
            Show it as it is now
          </Button>
        )}
        {again && !closed && (
          <Button size="xs" variant="default" onClick={again}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** Nothing there yet: what it would be, and the next step. */
export function Empty(props: { icon: ComponentType<IconProps>; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Stack align="center" gap="sm" py={48} px="md" className="sheet" ta="center">
      <ThemeIcon size={44} radius="xl" variant="light">
        <props.icon size={22} />
      </ThemeIcon>
      <Title order={2}>{props.title}</Title>
      {props.children && (
        <Text c="dimmed" maw={520}>
          {props.children}
        </Text>
      )}
      {props.action && <Group justify="center">{props.action}</Group>}
    </Stack>
  );
}

/** The states of one question to the API; `children` are given its answer. */
export function Asked<Data>(props: { of: UseQueryResult<Data>; lines?: number; children: (data: Data) => ReactNode }) {
  const { data, error, refetch } = props.of;
  if (data !== undefined) return <>{props.children(data)}</>;
  if (error) return <Failure error={error} again={() => void refetch()} />;
  return <Loading lines={props.lines} />;
}
