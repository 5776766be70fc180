/** Choosing a password with the one-time code that an administrator gave. */
import { Anchor, PasswordInput, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { answer, api } from "../../api/client";
import { Door } from "./Door";

export function Component() {
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const go = useNavigate();
  const client = useQueryClient();
  const choose = useMutation({
    mutationFn: async () => {
      const user = await answer(api.POST("/api/v1/welcome", { body: { code: code.trim(), password } }));
      return answer(api.POST("/api/v1/session", { body: { user: user.id, password } }));
    },
    onSuccess: async (entered) => {
      client.clear();
      await go("until" in entered ? "/sign-in/code" : "/", { replace: true });
    },
  });
  return (
    <Door
      title="Choose your password"
      about="With the one-time code that an administrator gave you."
      action="Choose and sign in"
      busy={choose.isPending}
      error={choose.error}
      onSubmit={() => choose.mutate()}
      below={
        <Text size="sm" ta="center">
          <Anchor component={Link} to="/sign-in">
            Back to sign in
          </Anchor>
        </Text>
      }
    >
      <TextInput
        label="One-time code"
        name="code"
        required
        autoFocus
        autoComplete="off"
        value={code}
        onChange={(e) => setCode(e.currentTarget.value)}
      />
      <PasswordInput
        label="New password"
        name="password"
        required
        autoComplete="new-password"
        value={password}
        onChange={(e) => setPassword(e.currentTarget.value)}
      />
    </Door>
  );
}
