/** Who is told when something is wrong: by mail, Slack or a signed request. */
import { Button, Card, Group, PasswordInput, Select, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api, type Shape } from "../../api/client";
import { useMay } from "../../api/session";
import { contactKinds } from "../../labels";
import { OnlyFor } from "../../parts/OnlyFor";
import { Asked, Failure } from "../../parts/States";
import { Status } from "../../parts/Status";
import { type Contact, contactsOf, useContacts } from "./queries";

type Kind = Shape<"ContactKind">;

export function Alerts({ project }: { project: string }) {
  const { may } = useMay("manager");
  const contacts = useContacts(project, may);
  return (
    <OnlyFor needs="manager">
      <Stack gap="lg" maw={860}>
        <Text c="dimmed" maw={640}>
          Everybody listed is told once when something goes wrong, such as a run that is held or people about to expire, and once
          more when it is over. No message names a person.
        </Text>
        <Asked of={contacts} lines={3}>
          {({ items: found }) =>
            found.length ? <Contacts contacts={found} project={project} /> : <Text size="sm">Nobody is told yet.</Text>
          }
        </Asked>
        <Add project={project} />
      </Stack>
    </OnlyFor>
  );
}

function Contacts({ contacts, project }: { contacts: Contact[]; project: string }) {
  const client = useQueryClient();
  const again = () => client.invalidateQueries({ queryKey: contactsOf(project) });
  const remove = useMutation({
    mutationFn: (contact: string) =>
      answer(api.DELETE("/api/v1/projects/{project}/contacts/{contact}", { params: { path: { project, contact } } })),
    onSuccess: again,
  });
  const test = useMutation({
    mutationFn: (contact: string) =>
      answer(api.POST("/api/v1/projects/{project}/contacts/{contact}/test", { params: { path: { project, contact } } })),
    onSettled: again,
  });
  const error = remove.error ?? test.error;
  return (
    <Stack gap="sm">
      {error && <Failure error={error} />}
      <Table.ScrollContainer minWidth={560} className="sheet">
        <Table aria-label="Who is told">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>How</Table.Th>
              <Table.Th>To</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th aria-label="What can be done" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {contacts.map((each) => (
              <Table.Tr key={each.id}>
                <Table.Td>{contactKinds[each.kind]}</Table.Td>
                <Table.Td>{each.shown}</Table.Td>
                <Table.Td>
                  {each.trouble ? <Status tone="bad">Does not arrive</Status> : <Status tone="good">Ready</Status>}
                  {each.trouble && (
                    <Text size="xs" c="dimmed">
                      {each.trouble}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>
                  <Group gap="xs" justify="flex-end" wrap="nowrap">
                    <Button
                      size="xs"
                      variant="default"
                      aria-label={`Send a test to ${each.shown}`}
                      loading={test.isPending && test.variables === each.id}
                      onClick={() => test.mutate(each.id)}
                    >
                      Send a test
                    </Button>
                    <Button
                      size="xs"
                      variant="subtle"
                      color="red"
                      aria-label={`Remove ${each.shown}`}
                      onClick={() => remove.mutate(each.id)}
                    >
                      Remove
                    </Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}

function Add({ project }: { project: string }) {
  const client = useQueryClient();
  const [id, setId] = useState("");
  const [kind, setKind] = useState<Kind>("email");
  const [to, setTo] = useState("");
  const [secret, setSecret] = useState("");
  const mail = kind === "email";
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.PUT("/api/v1/projects/{project}/contacts/{contact}", {
          params: { path: { project, contact: id.trim() } },
          body: { kind, address: mail ? to.trim() : "", url: mail ? null : to.trim(), secret: secret || null, kinds: [] },
        }),
      ),
    onSuccess: () => {
      setId("");
      setTo("");
      setSecret("");
      return client.invalidateQueries({ queryKey: contactsOf(project) });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2}>Tell somebody</Title>
          <Group align="flex-end">
            <TextInput
              label="Short name"
              placeholder="on-call"
              value={id}
              maxLength={63}
              onChange={(event) => setId(event.currentTarget.value)}
            />
            <Select
              label="How"
              data={Object.entries(contactKinds).map(([value, label]) => ({ value, label }))}
              value={kind}
              onChange={(value) => setKind(value as Kind)}
              w={170}
            />
            <TextInput
              label={mail ? "Mail address" : "URL"}
              miw={260}
              value={to}
              maxLength={2000}
              onChange={(event) => setTo(event.currentTarget.value)}
            />
            {kind === "webhook" && (
              <PasswordInput
                label="Secret to sign with"
                miw={200}
                autoComplete="new-password"
                value={secret}
                onChange={(event) => setSecret(event.currentTarget.value)}
              />
            )}
            <Button type="submit" disabled={!id.trim() || !to.trim()} loading={save.isPending}>
              Add
            </Button>
          </Group>
          {save.error && <Failure error={save.error} />}
        </Stack>
      </form>
    </Card>
  );
}
