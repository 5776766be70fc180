/** The mapping row of the guide: User ID on the left, TheTradeDesk User ID on the right, as many as there are identifiers. */
import { ActionIcon, Autocomplete, Button, Group, Radio, Select, Stack, Text, VisuallyHidden } from "@mantine/core";
import { IconArrowRight, IconPlus, IconTrash } from "@tabler/icons-react";
import { useProject } from "../../api/session";
import { idTypes, document as labels } from "../../labels";
import { useWords } from "../cohorts/queries";
import { KINDS, needsName, type Row } from "./identity";

interface Props {
  rows: Row[];
  send: string;
  idTypes: string[];
  disabled: boolean;
  onRows: (rows: Row[]) => void;
  onSend: (send: "all" | "first") => void;
}

export function IdentityRows(props: Props) {
  const { rows, onRows } = props;
  const put = (changed: Row) => onRows(rows.map((row) => (row.key === changed.key ? changed : row)));
  const add = () =>
    onRows([
      ...rows,
      { key: Math.max(0, ...rows.map((row) => row.key)) + 1, kind: "user", name: "", idType: "UID2", take: "latest" },
    ]);
  return (
    <Stack gap="sm">
      {rows.map((row, place) => (
        <OneRow
          key={row.key}
          row={row}
          place={place}
          idTypes={props.idTypes}
          disabled={props.disabled}
          onChange={put}
          onRemove={rows.length > 1 ? () => onRows(rows.filter((each) => each.key !== row.key)) : undefined}
        />
      ))}
      <Group>
        <Button variant="subtle" size="xs" leftSection={<IconPlus size={14} />} onClick={add} disabled={props.disabled}>
          Add another identifier
        </Button>
      </Group>
      {rows.length > 1 && (
        <Radio.Group
          label="Of somebody who has several"
          value={props.send}
          onChange={(value) => props.onSend(value === "first" ? "first" : "all")}
        >
          <Stack gap={6} mt={6}>
            <Radio value="all" label="Send every one" disabled={props.disabled} />
            <Radio value="first" label="Send the first in this order" disabled={props.disabled} />
          </Stack>
        </Radio.Group>
      )}
    </Stack>
  );
}

function OneRow(props: {
  row: Row;
  place: number;
  idTypes: string[];
  disabled: boolean;
  onChange: (row: Row) => void;
  onRemove?: () => void;
}) {
  const { row, place, onChange, onRemove } = props;
  const first = place === 0;
  const words = useWords(useProject()).data;
  return (
    <Group gap="xs" align="flex-end" wrap="wrap">
      <Select
        label={first ? labels.userId : undefined}
        aria-label={`${labels.userId}, row ${place + 1}`}
        data={KINDS}
        value={row.kind}
        onChange={(kind) => kind && onChange({ ...row, kind })}
        disabled={props.disabled}
        flex="1 1 150px"
      />
      {needsName(row.kind) && (
        <Autocomplete
          aria-label={`Name of the ${row.kind === "column" ? "column" : "property"}, row ${place + 1}`}
          placeholder={row.kind === "column" ? "name of the column" : "advertising_id"}
          data={row.kind === "user" ? words?.user_properties : row.kind === "event" ? words?.event_properties : undefined}
          limit={50}
          value={row.name}
          onChange={(name) => onChange({ ...row, name })}
          required
          disabled={props.disabled}
          flex="1 1 140px"
        />
      )}
      <Text c="dimmed" h={36} visibleFrom="sm" component="span" style={{ display: "inline-flex", alignItems: "center" }}>
        <IconArrowRight size={16} aria-hidden />
        <VisuallyHidden>goes to</VisuallyHidden>
      </Text>
      <Select
        label={first ? labels.platformUserId : undefined}
        aria-label={`${labels.platformUserId}, row ${place + 1}`}
        data={props.idTypes.map((value) => ({ value, label: idTypes[value] ?? value }))}
        value={row.idType}
        onChange={(idType) => idType && onChange({ ...row, idType })}
        disabled={props.disabled}
        flex="2 1 330px"
        classNames={{ input: "long" }}
      />
      {onRemove && (
        <ActionIcon size={36} onClick={onRemove} aria-label={`Remove row ${place + 1}`} disabled={props.disabled}>
          <IconTrash size={16} />
        </ActionIcon>
      )}
    </Group>
  );
}
