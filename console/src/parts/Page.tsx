/** The frame of every page: its title (also of the window), where it stands, and what can be done on it. */
import { Anchor, Breadcrumbs, Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { Link } from "react-router";
import { useAnnounced } from "./Announcer";

export interface Crumb {
  label: string;
  to: string;
}

export function Page(props: {
  title: string;
  about?: ReactNode;
  crumbs?: Crumb[];
  beside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${props.title} · Tradewind`;
  }, [props.title]);
  useAnnounced(props.title);
  return (
    <Stack gap="lg" maw={1180} mx="auto" w="100%">
      <Stack gap={6}>
        {props.crumbs && (
          <Breadcrumbs separatorMargin={6} aria-label="Where this is" component="nav">
            {props.crumbs.map((crumb) => (
              <Anchor component={Link} to={crumb.to} key={crumb.to} size="sm">
                {crumb.label}
              </Anchor>
            ))}
          </Breadcrumbs>
        )}
        <Group justify="space-between" align="center" gap="sm">
          <Group gap="sm">
            <Title order={1} tabIndex={-1}>
              {props.title}
            </Title>
            {props.beside}
          </Group>
          {props.actions && <Group gap="xs">{props.actions}</Group>}
        </Group>
        {props.about && (
          <Text c="dimmed" maw={720} component="div">
            {props.about}
          </Text>
        )}
      </Stack>
      {props.children}
    </Stack>
  );
}
