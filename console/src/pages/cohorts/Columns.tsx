/** Which columns of a list or a SELECT name people, and which hold their identifiers. */
import { ActionIcon, Autocomplete, Button, Group, Select, Stack, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { idTypes } from "../../labels";
import { type Column, fresh, type Columns as Named } from "./columns";

interface Props {
  value: Named;
  known: string[];
  onChange: (value: Named) => void;
}

export function Columns({ value, known, onChange }: Props) {
  const put = (changed: Column) =>
    onChange({ ...value, identifiers: value.identifiers.map((each) => (each.key === changed.key ? changed : each)) });
  return (
    <Stack gap="sm">
      <Autocomplete
        label="Column that names people"
        description="A user id as your events have it. Leave it empty where the rows are identifiers alone."
        data={known}
        value={value.people}
        onChange={(people) => onChange({ ...value, people })}
      />
      <Stack gap={6}>
        <Text size="sm" fw={500}>
          Columns that hold identifiers
        </Text>
        <Text size="xs" c="dimmed">
          Without any, the people's identifiers come from your events, as the account maps them.
        </Text>
        {value.identifiers.map((each, place) => (
          <Group key={each.key} gap="xs" wrap="nowrap">
            <Autocomplete
              aria-label={`Column, row ${place + 1}`}
              placeholder="column"
              data={known}
              value={each.name}
              onChange={(name) => put({ ...each, name })}
              flex="1 1 120px"
            />
            <Select
              aria-label={`What it holds, row ${place + 1}`}
              data={Object.entries(idTypes).map(([type, label]) => ({ value: type, label }))}
              value={each.idType}
              onChange={(idType) => idType && put({ ...each, idType })}
              flex="2 1 160px"
            />
            <ActionIcon
              size={36}
              aria-label={`Remove row ${place + 1}`}
              onClick={() => onChange({ ...value, identifiers: value.identifiers.filter((other) => other !== each) })}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
        ))}
        <Group>
          <Button
            variant="subtle"
            size="xs"
            leftSection={<IconPlus size={14} />}
            onClick={() => onChange({ ...value, identifiers: [...value.identifiers, fresh()] })}
          >
            Add a column
          </Button>
        </Group>
      </Stack>
    </Stack>
  );
}
