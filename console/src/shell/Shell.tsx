/** The frame around every page of somebody who is signed in: project, places, who one is. */
import { AppShell, Box, Burger, Group, NavLink, ScrollArea, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import { Link, Navigate, Outlet, useLocation } from "react-router";
import { Problem } from "../api/client";
import { useMe, useProject, useProjects } from "../api/session";
import { Failure, Loading } from "../parts/States";
import { Account } from "./Account";
import { Mark } from "./Mark";
import { ProjectSwitcher } from "./ProjectSwitcher";
import { FIRST, PLACES } from "./places";

/** Where one turns the second factor on; before that nothing else is open where everybody needs one. */
const ACCOUNT = "/account";

export function Shell() {
  const me = useMe();
  const [opened, { toggle, close }] = useDisclosure(false);
  const { pathname, search } = useLocation();
  const main = useArrival(pathname, close);
  if (me.error instanceof Problem && me.error.status === 401) {
    return <Navigate to={`/sign-in?next=${encodeURIComponent(pathname + search)}`} replace />;
  }
  const lacking = me.data?.second_factor.lacking;
  if (lacking && pathname !== ACCOUNT) return <Navigate to={ACCOUNT} replace />;
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 232, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={{ base: "md", sm: "xl" }}
    >
      <a href="#main" className="skip">
        Skip to the page
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Places" aria-expanded={opened} />
            <Mark />
          </Group>
          {me.data && <Account me={me.data} />}
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm">{me.data && !lacking && <Places />}</AppShell.Navbar>
      <AppShell.Main id="main" ref={main} tabIndex={-1} style={{ outline: "none" }}>
        {me.data ? (
          <Outlet />
        ) : (
          <Box maw={1180}>{me.error ? <Failure error={me.error} again={() => void me.refetch()} /> : <Loading />}</Box>
        )}
      </AppShell.Main>
    </AppShell>
  );
}

/** After a step to another page the reader begins at its top, and the places are out of the way. */
function useArrival(pathname: string, close: () => void) {
  const main = useRef<HTMLElement>(null);
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    close();
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname, close]);
  return main;
}

function Places() {
  const project = useProject();
  const { pathname } = useLocation();
  const projects = useProjects();
  const base = `/projects/${project}`;
  return (
    <Stack gap="sm" h="100%">
      <ProjectSwitcher projects={projects.data?.items ?? []} project={project} />
      <ScrollArea flex={1} type="auto">
        <nav aria-label="Places of the project">
          {project &&
            PLACES.map((place) => {
              const to = `${base}/${place.path}`;
              const here = pathname === to || pathname.startsWith(`${to}/`) || (place.path === FIRST && pathname === base);
              return (
                <NavLink
                  key={place.path}
                  component={Link}
                  to={to}
                  label={place.label}
                  active={here}
                  aria-current={here ? "page" : undefined}
                  leftSection={<place.icon size={18} stroke={1.7} aria-hidden />}
                  style={{ borderRadius: 6 }}
                />
              );
            })}
        </nav>
      </ScrollArea>
    </Stack>
  );
}
