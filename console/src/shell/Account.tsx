/** Who is signed in, how the console looks, and the way out. */
import { Avatar, Group, Menu, Text, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconChevronDown, IconLock, IconLogout, IconMoon, IconSun } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";
import type { Shape } from "../api/client";
import { signOut } from "../api/session";

export function Account({ me }: { me: Shape<"Me"> }) {
  const client = useQueryClient();
  const go = useNavigate();
  const scheme = useComputedColorScheme("light");
  const { setColorScheme } = useMantineColorScheme();
  const other = scheme === "light" ? "dark" : "light";
  const leave = () => void signOut(client).finally(() => go("/sign-in"));
  return (
    <Menu position="bottom-end" width={220} shadow="md">
      <Menu.Target>
        <UnstyledButton aria-label={`${me.user.name}, your account`}>
          <Group gap={8} wrap="nowrap">
            <Avatar size={28} radius="xl" color="sea" alt="" aria-hidden />
            <Text size="sm" visibleFrom="sm">
              {me.user.name}
            </Text>
            <IconChevronDown size={14} aria-hidden />
          </Group>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.user.id}
          {me.administers ? ", administrator" : ""}
        </Menu.Label>
        <Menu.Item
          leftSection={other === "dark" ? <IconMoon size={16} /> : <IconSun size={16} />}
          onClick={() => setColorScheme(other)}
        >
          {other === "dark" ? "Dark" : "Light"}
        </Menu.Item>
        <Menu.Item component={Link} to="/account" leftSection={<IconLock size={16} />}>
          Your sign-in
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={leave}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
