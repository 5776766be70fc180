/** For who administers the installation: whether everybody needs a second factor, and who has one. */
import { Button, Card, Group, Stack, Switch, Table, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api, everything, type Shape } from "../../api/client";
import { ME } from "../../api/session";
import { Asked, Failure } from "../../parts/States";

const USERS = ["users"];

export function Factors({ me }: { me: Shape<"Me"> }) {
  const client = useQueryClient();
  const users = useQuery({
    queryKey: USERS,
    queryFn: () => everything((cursor) => answer(api.GET("/api/v1/users", { params: { query: { cursor, limit: 200 } } }))),
  });
  const again = () => client.invalidateQueries({ predicate: ({ queryKey: [first] }) => first === USERS[0] || first === ME[0] });
  const require = useMutation({
    mutationFn: (required: boolean) => answer(api.PUT("/api/v1/second-factor", { body: { required } })),
    onSuccess: again,
  });
  const reset = useMutation({
    mutationFn: (user: string) => answer(api.DELETE("/api/v1/users/{user}/second-factor", { params: { path: { user } } })),
    onSuccess: again,
  });
  const failure = require.error ?? reset.error;
  return (
    <Card>
      <Stack gap="sm">
        <Title order={2}>Second factor</Title>
        <Switch
          label="Everybody who signs in needs one, in all projects"
          description="Who has none turns it on first. Tokens of programs are not concerned."
          checked={me.second_factor.required}
          disabled={require.isPending}
          onChange={(event) => require.mutate(event.currentTarget.checked)}
        />
        {failure && <Failure error={failure} />}
        <Asked of={users} lines={2}>
          {({ items: found }) => (
            <Table.ScrollContainer minWidth={420}>
              <Table aria-label="Second factors">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>User</Table.Th>
                    <Table.Th>Second factor</Table.Th>
                    <Table.Th aria-label="What can be done" />
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {found.map((each) => (
                    <Table.Tr key={each.id}>
                      <Table.Td>{each.id}</Table.Td>
                      <Table.Td>{each.second_factor ? "On" : "Off"}</Table.Td>
                      <Table.Td>
                        <Group justify="flex-end" mih={30}>
                          {each.second_factor && each.id !== me.user.id && (
                            <Button
                              size="xs"
                              variant="subtle"
                              color="red"
                              aria-label={`Take out the second factor of ${each.name}`}
                              loading={reset.isPending && reset.variables === each.id}
                              onClick={() => reset.mutate(each.id)}
                            >
                              Take out
                            </Button>
                          )}
                        </Group>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Asked>
        <Text size="sm" c="dimmed">
          Take one out for somebody who has neither the phone nor a recovery code; they sign in with the password and turn it on
          again.
        </Text>
      </Stack>
    </Card>
  );
}
