/** The first start: the one who can read the server's own words makes the first user. */
import { PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "../../api/client";
import { Door } from "./Door";

export function Component() {
  const [form, setForm] = useState({ code: "", name: "", user: "", password: "" });
  const go = useNavigate();
  const client = useQueryClient();
  const set = (name: keyof typeof form) => (event: { currentTarget: { value: string } }) =>
    setForm({ ...form, [name]: event.currentTarget.value });
  const begin = useMutation({
    mutationFn: async () => {
      await answer(api.POST("/api/v1/setup", { body: { ...form, code: form.code.trim(), user: form.user.trim() } }));
      await answer(api.POST("/api/v1/session", { body: { user: form.user.trim(), password: form.password } }));
    },
    onSuccess: async () => {
      client.clear();
      await go("/", { replace: true });
    },
  });
  return (
    <Door
      title="Set up Tradewind"
      about="The server printed a set-up code when it started. Whoever has it makes the first user, who administers the installation."
      action="Make the first user"
      busy={begin.isPending}
      error={begin.error}
      onSubmit={() => begin.mutate()}
    >
      <TextInput label="Set-up code" name="code" required autoFocus autoComplete="off" value={form.code} onChange={set("code")} />
      <TextInput label="Your name" name="name" required autoComplete="name" value={form.name} onChange={set("name")} />
      <TextInput
        label="User"
        description="What you sign in with: small letters and digits, or an e-mail address."
        name="user"
        required
        autoComplete="username"
        value={form.user}
        onChange={set("user")}
      />
      <PasswordInput
        label="Password"
        description="At least 12 characters."
        name="password"
        required
        autoComplete="new-password"
        value={form.password}
        onChange={set("password")}
      />
    </Door>
  );
}
