/** A few of the people who are in, and why somebody is in or out, rule by rule. */
import { Button, Group, List, Stack, Table, Text, TextInput, ThemeIcon } from "@mantine/core";
import { IconCheck, IconX } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api, type Shape } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { Asked, Failure } from "../../parts/States";
import { Status } from "../../parts/Status";
import type { Document } from "./rule";

type Look = { cohort?: string; who?: Document };

export function People({ look }: { look: Look }) {
  const project = useProject();
  const { may, why } = useMay("member");
  const [person, setPerson] = useState("");
  const body = { cohort: look.cohort ?? null, who: look.who ?? null, edit: 0 };
  const params = { path: { project } };
  const sample = useQuery({
    queryKey: ["sample", project, JSON.stringify(look)],
    queryFn: () => answer(api.POST("/api/v1/projects/{project}/previews/sample", { params, body: { ...body, limit: 20 } })),
    enabled: may,
    staleTime: 60_000,
  });
  const reason = useMutation({
    mutationFn: (who: string) =>
      answer(api.POST("/api/v1/projects/{project}/previews/why", { params, body: { ...body, person: who } })),
  });
  if (!may) return <Text c="dimmed">{why}</Text>;
  const ask = (event: FormEvent) => {
    event.preventDefault();
    if (person.trim()) reason.mutate(/^(user|device):/.test(person.trim()) ? person.trim() : `user:${person.trim()}`);
  };
  const lookAt = (who: string) => {
    setPerson(who);
    reason.mutate(who);
  };
  return (
    <Stack gap="md">
      <form onSubmit={ask}>
        <Group align="flex-end" gap="xs">
          <TextInput
            label="Why is somebody in or out?"
            description="A user id; or device: and a device id, for a device without a user."
            placeholder="user id"
            value={person}
            onChange={(event) => setPerson(event.currentTarget.value)}
            flex="1 1 240px"
          />
          <Button type="submit" variant="default" loading={reason.isPending}>
            Look
          </Button>
        </Group>
      </form>
      {reason.error && <Failure error={reason.error} />}
      {reason.data && <Why found={reason.data} />}
      <Asked of={sample} lines={4}>
        {({ people }) => (
          <div className="sheet">
            <Table aria-label="Some of the people">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>A few of those who are in</Table.Th>
                  <Table.Th />
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {people.map((each) => (
                  <Table.Tr key={each}>
                    <Table.Td>{each}</Table.Td>
                    <Table.Td className="number">
                      <Button variant="subtle" size="compact-xs" onClick={() => lookAt(each)} aria-label={`Why is ${each} in?`}>
                        Why?
                      </Button>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        )}
      </Asked>
    </Stack>
  );
}

function Why({ found }: { found: Shape<"WhyView"> }) {
  return (
    <Stack gap="xs" p="sm" className="sheet" role="status">
      <Group gap="xs">
        <Text fw={560}>{found.person}</Text>
        {found.belongs ? <Status tone="good">In</Status> : <Status tone="none">Not in</Status>}
      </Group>
      <Reasons of={[found.who]} />
    </Stack>
  );
}

function Reasons({ of }: { of: Shape<"ReasonView">[] }) {
  return (
    <List size="sm" spacing={6} listStyleType="none">
      {of.map((each) => (
        <List.Item
          key={`${each.kind} ${each.sentence}`}
          icon={
            <ThemeIcon
              size={18}
              radius="xl"
              variant="light"
              color={each.holds ? "teal" : "gray"}
              aria-label={each.holds ? "holds" : "does not hold"}
            >
              {each.holds ? <IconCheck size={12} /> : <IconX size={12} />}
            </ThemeIcon>
          }
        >
          {each.sentence}
          {each.found && (
            <Text span c="dimmed" size="sm">
              {" "}
              ({each.found})
            </Text>
          )}
          {each.parts.length > 0 && <Reasons of={each.parts} />}
        </List.Item>
      ))}
    </List>
  );
}
