/** Who has which role in the project; an administrator of the installation also invites somebody new. */
import { Alert, Button, Card, Group, Select, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { type Role, useMay, useMe } from "../../api/session";
import { roles } from "../../labels";
import { Copyable } from "../../parts/Copyable";
import { moment } from "../../parts/figures";
import { OnlyFor } from "../../parts/OnlyFor";
import { Asked, Failure } from "../../parts/States";
import { Factors } from "./Factors";
import { peopleOf, usePeople } from "./queries";

const CHOICES = Object.entries(roles).map(([value, label]) => ({ value, label }));
const NONE = "none";

export function People({ project }: { project: string }) {
  const { may } = useMay("admin");
  const people = usePeople(project, may);
  const change = useRole(project);
  const me = useMe().data;
  return (
    <OnlyFor needs="admin">
      <Stack gap="lg" maw={860}>
        {change.error && <Failure error={change.error} />}
        <Asked of={people}>
          {({ items: found }) =>
            found.length ? (
              <Table.ScrollContainer minWidth={480} className="sheet">
                <Table aria-label="People of the project">
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Name</Table.Th>
                      <Table.Th>User</Table.Th>
                      <Table.Th>Role</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {found.map((each) => (
                      <Table.Tr key={each.id}>
                        <Table.Td>{each.name}</Table.Td>
                        <Table.Td>{each.id}</Table.Td>
                        <Table.Td>
                          <Select
                            aria-label={`Role of ${each.name}`}
                            w={180}
                            data={[...CHOICES, { value: NONE, label: "None any more" }]}
                            value={each.role}
                            onChange={(role) =>
                              role && change.mutate({ user: each.id, role: role === NONE ? null : (role as Role) })
                            }
                          />
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            ) : (
              <Text size="sm" c="dimmed">
                Nobody has a role here yet. Administrators of the installation may do everything in every project.
              </Text>
            )
          }
        </Asked>
        <Known project={project} />
        {me?.administers && <Invite project={project} />}
        {me?.administers && <Factors me={me} />}
      </Stack>
    </OnlyFor>
  );
}

/** A role for somebody who can sign in already. */
function Known({ project }: { project: string }) {
  const [user, setUser] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const give = useRole(project);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    give.mutate({ user: user.trim(), role }, { onSuccess: () => setUser("") });
  };
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2}>Give a role to a user</Title>
          <Group align="flex-end">
            <TextInput label="User" value={user} onChange={(event) => setUser(event.currentTarget.value)} maxLength={127} />
            <Select label="Role" data={CHOICES} value={role} onChange={(value) => setRole(value as Role)} w={160} />
            <Button type="submit" variant="default" disabled={!user.trim()} loading={give.isPending}>
              Give
            </Button>
          </Group>
          {give.error && <Failure error={give.error} />}
        </Stack>
      </form>
    </Card>
  );
}

/** Somebody new: the code with which they choose a password is shown once. */
function Invite({ project }: { project: string }) {
  const client = useQueryClient();
  const [user, setUser] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const invite = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/users", {
          body: { id: user.trim(), name: name.trim(), administrator: false, roles: { [project]: role } },
        }),
      ),
    onSuccess: () => {
      setUser("");
      setName("");
      return client.invalidateQueries({ queryKey: peopleOf(project) });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    invite.mutate();
  };
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2}>Invite somebody new</Title>
          <Group align="flex-end">
            <TextInput
              label="Their user name"
              placeholder="ann@shop.example"
              value={user}
              onChange={(event) => setUser(event.currentTarget.value)}
              maxLength={127}
            />
            <TextInput label="Their name" value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={200} />
            <Select label="Their role" data={CHOICES} value={role} onChange={(value) => setRole(value as Role)} w={160} />
            <Button type="submit" disabled={!user.trim() || !name.trim()} loading={invite.isPending}>
              Invite
            </Button>
          </Group>
          {invite.error && <Failure error={invite.error} />}
          {invite.data && (
            <Alert color="teal" title={`Give ${invite.data.user.name} this code; it is shown once`} role="status">
              <Copyable value={invite.data.code} label="the code" />{" "}
              <Text size="sm">Good until {moment(invite.data.until)}.</Text>
            </Alert>
          )}
        </Stack>
      </form>
    </Card>
  );
}

function useRole(project: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ user, role }: { user: string; role: Role | null }) =>
      answer(api.PUT("/api/v1/projects/{project}/people/{user}", { params: { path: { project, user } }, body: { role } })),
    onSuccess: () => client.invalidateQueries({ queryKey: peopleOf(project) }),
  });
}
