/** One's own tokens, for programs; a new one's text is shown once. */
import {
  Alert,
  Button,
  Card,
  Group,
  MultiSelect,
  NumberInput,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import type { Role } from "../../api/session";
import { roles, routes } from "../../labels";
import { Copyable } from "../../parts/Copyable";
import { ago } from "../../parts/figures";
import { Asked, Failure } from "../../parts/States";
import { type Routes, TOKENS, type Token, useTokens } from "./queries";

export function Tokens({ project }: { project: string }) {
  const tokens = useTokens();
  return (
    <Stack gap="lg" maw={860}>
      <Text c="dimmed" maw={640}>
        A program sends a token to do what you may do, and no more. It is good in this project until it expires or is taken out.
      </Text>
      <Asked of={tokens} lines={3}>
        {({ items: found }) => (found.length ? <TokenTable tokens={found} /> : <Text size="sm">There is no token yet.</Text>)}
      </Asked>
      <Issue project={project} />
    </Stack>
  );
}

function TokenTable({ tokens }: { tokens: Token[] }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: (token: string) => answer(api.DELETE("/api/v1/tokens/{token}", { params: { path: { token } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: TOKENS }),
  });
  return (
    <Stack gap="sm">
      {revoke.error && <Failure error={revoke.error} />}
      <Table.ScrollContainer minWidth={640} className="sheet">
        <Table aria-label="Tokens">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Of</Table.Th>
              <Table.Th>Project</Table.Th>
              <Table.Th>Role</Table.Th>
              <Table.Th>Only for</Table.Th>
              <Table.Th>Last used</Table.Th>
              <Table.Th>Expires</Table.Th>
              <Table.Th aria-label="What can be done" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {tokens.map((each) => (
              <Table.Tr key={each.id}>
                <Table.Td>{each.name}</Table.Td>
                <Table.Td>{each.user}</Table.Td>
                <Table.Td>{each.project || "All"}</Table.Td>
                <Table.Td>{roles[each.role]}</Table.Td>
                <Table.Td>{each.routes.map((route) => routes[route]).join(", ") || "Everything"}</Table.Td>
                <Table.Td>{each.used_at ? ago(each.used_at) : "Never"}</Table.Td>
                <Table.Td>{ago(each.expires_at)}</Table.Td>
                <Table.Td ta="right">
                  <Button
                    size="xs"
                    variant="subtle"
                    color="red"
                    aria-label={`Take out ${each.name}`}
                    onClick={() => revoke.mutate(each.id)}
                  >
                    Take out
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}

function Issue({ project }: { project: string }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [only, setOnly] = useState<Routes[]>([]);
  const [days, setDays] = useState(90);
  const issue = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tokens", { body: { name: name.trim(), project, role, days, routes: only } })),
    onSuccess: () => {
      setName("");
      setOnly([]);
      return client.invalidateQueries({ queryKey: TOKENS });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    issue.mutate();
  };
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2}>Issue a token for this project</Title>
          <Group align="flex-end">
            <TextInput
              label="What it is for"
              value={name}
              maxLength={200}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Select
              label="At most as"
              data={Object.entries(roles).map(([value, label]) => ({ value, label }))}
              value={role}
              onChange={(value) => setRole(value as Role)}
              w={160}
            />
            <NumberInput
              label="Good for days"
              size="sm"
              w={130}
              min={1}
              max={365}
              allowDecimal={false}
              value={days}
              onChange={(value) => typeof value === "number" && setDays(value)}
            />
          </Group>
          <MultiSelect
            label="Only for"
            description="The fewer, the less a token that went astray can do. With none it is for everything that the role may."
            placeholder={only.length ? undefined : "Everything"}
            clearable
            searchable
            data={Object.entries(routes).map(([value, label]) => ({ value, label }))}
            value={only}
            onChange={(chosen) => setOnly(chosen as Routes[])}
          />
          <Group>
            <Button type="submit" disabled={!name.trim()} loading={issue.isPending}>
              Issue
            </Button>
          </Group>
          {issue.error && <Failure error={issue.error} />}
          {issue.data && (
            <Alert color="teal" title="Copy it now; it is shown once" role="status">
              <Copyable value={issue.data.text} label="the token" />
            </Alert>
          )}
        </Stack>
      </form>
    </Card>
  );
}
