/** Another password: all sessions end, and one signs in with it. */
import { Button, Card, Group, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "../../api/client";
import { Failure } from "../../parts/States";

export function ChangePassword({ user }: { user: string }) {
  const client = useQueryClient();
  const go = useNavigate();
  const [old, setOld] = useState("");
  const [chosen, setChosen] = useState("");
  const change = useMutation({
    mutationFn: () => answer(api.PUT("/api/v1/session/password", { body: { old, new: chosen } })),
    onSuccess: async () => {
      client.clear();
      await go("/sign-in", { replace: true });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Card maw={640}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2}>Change the password</Title>
          <Text size="sm">You are signed out everywhere, and sign in with the new one.</Text>
          <input type="hidden" name="username" autoComplete="username" value={user} />
          <Group align="flex-end">
            <PasswordInput
              label="The old one"
              name="old"
              autoComplete="current-password"
              required
              w={{ base: "100%", xs: 220 }}
              value={old}
              onChange={(event) => setOld(event.currentTarget.value)}
            />
            <PasswordInput
              label="The new one, at least 12 characters"
              name="new"
              autoComplete="new-password"
              required
              w={{ base: "100%", xs: 280 }}
              value={chosen}
              onChange={(event) => setChosen(event.currentTarget.value)}
            />
            <Button type="submit" variant="default" loading={change.isPending} disabled={!old || !chosen}>
              Change
            </Button>
          </Group>
          {change.error && <Failure error={change.error} />}
        </Stack>
      </form>
    </Card>
  );
}
