/** The second step of signing in, for who has a second factor: the code that the app shows, or a recovery code. */
import { Anchor, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { answer, api } from "../../api/client";
import { inside } from "../../parts/then";
import { Door } from "./Door";

export function Component() {
  const [code, setCode] = useState("");
  const [words] = useSearchParams();
  const go = useNavigate();
  const client = useQueryClient();
  const enter = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session/code", { body: { code } })),
    onSuccess: async () => {
      client.clear();
      await go(inside(words.get("next")) ?? "/", { replace: true });
    },
    onError: () => setCode(""),
  });
  return (
    <Door
      title="Enter the code"
      about="The six digits that your authenticator app shows for Tradewind, or one of your recovery codes."
      action="Sign in"
      busy={enter.isPending}
      error={enter.error}
      onSubmit={() => enter.mutate()}
      below={
        <Text size="sm" ta="center">
          <Anchor component={Link} to="/sign-in">
            Begin again with the password
          </Anchor>
        </Text>
      }
    >
      <TextInput
        label="Code"
        name="code"
        autoComplete="one-time-code"
        required
        autoFocus
        maxLength={100}
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
    </Door>
  );
}
