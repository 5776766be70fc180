/** Signing in. Before there is any user this leads to the set-up. */
import { Anchor, PasswordInput, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, Navigate, useNavigate, useSearchParams } from "react-router";
import { answer, api } from "../../api/client";
import { inside } from "../../parts/then";
import { Door } from "./Door";

export function Component() {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [words] = useSearchParams();
  const go = useNavigate();
  const client = useQueryClient();
  const setup = useQuery({ queryKey: ["setup"], queryFn: () => answer(api.GET("/api/v1/setup")) });
  const enter = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session", { body: { user: user.trim(), password } })),
    onSuccess: async (entered) => {
      client.clear();
      if ("until" in entered) {
        await go(`/sign-in/code?${words}`, { replace: true });
        return;
      }
      await go(inside(words.get("next")) ?? "/", { replace: true });
    },
  });
  if (setup.data?.needed) return <Navigate to="/set-up" replace />;
  return (
    <Door
      title="Sign in"
      about="Cohorts to segments at The Trade Desk."
      action="Sign in"
      busy={enter.isPending}
      error={enter.error}
      onSubmit={() => enter.mutate()}
      below={
        <Text size="sm" c="dimmed" ta="center">
          Somebody gave you a one-time code?{" "}
          <Anchor underline="always" component={Link} to="/welcome">
            Choose your password
          </Anchor>
        </Text>
      }
    >
      <TextInput
        label="User"
        name="user"
        autoComplete="username"
        required
        autoFocus
        value={user}
        onChange={(e) => setUser(e.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        name="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(e) => setPassword(e.currentTarget.value)}
      />
    </Door>
  );
}
