/** What the mapped columns hold: a few valid and a few refused values of each row, masked, when somebody asks. */
import { Button, Code, Group, Stack, Table, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { idTypesShort } from "../../labels";
import { Failure } from "../../parts/States";
import { Status } from "../../parts/Status";
import { EVERYBODY, REASONS, sourceLabel } from "./identity";

export function Examples({ identity }: { identity: string[] }) {
  const project = useProject();
  const { may } = useMay("manager");
  const look = useMutation({
    mutationFn: () => {
      const body = { who: EVERYBODY, identity, edit: 0 };
      return answer(api.POST("/api/v1/projects/{project}/previews/examples", { params: { path: { project } }, body }));
    },
  });
  if (!may) return null;
  return (
    <Stack gap="xs" align="flex-start">
      <Button variant="default" size="xs" loading={look.isPending} onClick={() => look.mutate()}>
        Show examples
      </Button>
      {look.error && <Failure error={look.error} />}
      {look.data?.length === 0 && <Text size="sm">No value at all was found in these places.</Text>}
      {look.data && look.data.length > 0 && (
        <Table aria-label="Examples, most signs replaced by dots">
          <Table.Tbody>
            {look.data.map((each) => (
              <Table.Tr key={`${each.source} ${each.id_type} ${each.refusal} ${each.text}`}>
                <Table.Td>
                  <Group gap={6}>
                    {each.refusal ? <Status tone="bad">Not sent</Status> : <Status tone="good">Valid</Status>}
                    <Code style={{ overflowWrap: "anywhere" }}>{each.text}</Code>
                  </Group>
                  <Text size="xs" c="dimmed">
                    {sourceLabel(each.source)} as {idTypesShort[each.id_type] ?? each.id_type}
                    {each.refusal ? `: such values ${REASONS[each.refusal] ?? each.refusal}` : ""}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Stack>
  );
}
