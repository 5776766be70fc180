/** The sheet on which one signs in, sets up or chooses a password. */
import { Alert, Button, Center, Stack, Text, Title } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect } from "react";
import { sentence } from "../../api/client";

interface Props {
  title: string;
  about: ReactNode;
  action: string;
  busy: boolean;
  error: unknown;
  onSubmit: () => void;
  children: ReactNode;
  below?: ReactNode;
}

export function Door(props: Props) {
  useEffect(() => {
    document.title = `${props.title} · Tradewind`;
  }, [props.title]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSubmit();
  };
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w="100%" maw={400} gap="lg">
        <Stack gap={6} align="center">
          <img src="/mark.svg" alt="Tradewind" width={44} height={44} />
          <Title order={1}>{props.title}</Title>
          <Text c="dimmed" ta="center">
            {props.about}
          </Text>
        </Stack>
        <form onSubmit={submit} className="sheet">
          <Stack p="lg" gap="md">
            {props.error !== null && (
              <Alert color="red" role="alert">
                {sentence(props.error)}
              </Alert>
            )}
            {props.children}
            <Button type="submit" loading={props.busy} fullWidth>
              {props.action}
            </Button>
          </Stack>
        </form>
        {props.below}
      </Stack>
    </Center>
  );
}
