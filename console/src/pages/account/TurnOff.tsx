/** Turning the second factor off, for instance to take another phone: password and code, together. */
import { Button, Card, Group, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { ME } from "../../api/session";
import { Failure } from "../../parts/States";

export function TurnOff() {
  const client = useQueryClient();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const remove = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session/second-factor/removal", { body: { password, code } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ME }),
    onError: () => setCode(""),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    remove.mutate();
  };
  return (
    <Card maw={640}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2}>Turn it off</Title>
          <Text size="sm">To take another phone, turn it off and on again. A recovery code will do in place of the app.</Text>
          <Group align="flex-end">
            <PasswordInput
              label="Your password, again"
              name="password"
              autoComplete="current-password"
              required
              w={{ base: "100%", xs: 260 }}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            <TextInput
              label="Code"
              name="code"
              autoComplete="one-time-code"
              required
              maxLength={100}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
            />
            <Button type="submit" color="red" loading={remove.isPending} disabled={!password || !code.trim()}>
              Turn off
            </Button>
          </Group>
          {remove.error && <Failure error={remove.error} />}
        </Stack>
      </form>
    </Card>
  );
}
