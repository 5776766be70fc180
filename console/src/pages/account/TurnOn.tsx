/** Turning the second factor on: the password again, the key for the app, and a first code. */
import { Button, Card, Group, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { type FormEvent, useState } from "react";
import { answer, api, type Shape } from "../../api/client";
import { ME } from "../../api/session";
import { Copyable } from "../../parts/Copyable";
import { Failure } from "../../parts/States";

export function TurnOn({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const [offer, setOffer] = useState<Shape<"Offer"> | null>(null);
  return offer ? <Confirm offer={offer} onCodes={onCodes} /> : <Begin onOffer={setOffer} />;
}

function Begin({ onOffer }: { onOffer: (offer: Shape<"Offer">) => void }) {
  const [password, setPassword] = useState("");
  const begin = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session/second-factor", { body: { password } })),
    onSuccess: onOffer,
    onSettled: () => setPassword(""),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    begin.mutate();
  };
  return (
    <Card maw={640}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2}>Turn the second factor on</Title>
          <Text size="sm">
            You need an authenticator app on your phone. From then on you sign in with the password and a code that the app shows.
            Tokens of programs go on as they are.
          </Text>
          <Group align="flex-end">
            <PasswordInput
              label="Your password, again"
              name="password"
              autoComplete="current-password"
              required
              w={{ base: "100%", xs: 300 }}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            <Button type="submit" loading={begin.isPending} disabled={!password}>
              Begin
            </Button>
          </Group>
          {begin.error && <Failure error={begin.error} />}
        </Stack>
      </form>
    </Card>
  );
}

function Confirm({ offer, onCodes }: { offer: Shape<"Offer">; onCodes: (codes: string[]) => void }) {
  const client = useQueryClient();
  const [code, setCode] = useState("");
  const confirm = useMutation({
    mutationFn: () => answer(api.PUT("/api/v1/session/second-factor", { body: { code } })),
    onSuccess: ({ codes }) => {
      onCodes(codes);
      return client.invalidateQueries({ queryKey: ME });
    },
    onError: () => setCode(""),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    confirm.mutate();
  };
  return (
    <Card maw={640}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Title order={2}>Take the key into your app</Title>
          <Group align="flex-start" gap="lg">
            <QRCodeSVG value={offer.link} size={184} marginSize={2} level="M" title="The key, for the camera of your phone" />
            <Stack gap="xs" flex={1} miw={220}>
              <Text size="sm">Let the app look at the code, or type the key. It is shown once.</Text>
              <Copyable value={grouped(offer.key)} label="the key" />
            </Stack>
          </Group>
          <Group align="flex-end">
            <TextInput
              label="The code that the app shows now"
              name="code"
              inputMode="numeric"
              autoComplete="one-time-code"
              required
              autoFocus
              maxLength={100}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
            />
            <Button type="submit" loading={confirm.isPending} disabled={!code.trim()}>
              Turn on
            </Button>
          </Group>
          {confirm.error && <Failure error={confirm.error} />}
        </Stack>
      </form>
    </Card>
  );
}

/** In fours, as one reads it from a screen. */
function grouped(key: string): string {
  return key.match(/.{1,4}/g)?.join(" ") ?? key;
}
