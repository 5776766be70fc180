/** Conditions on properties, the events they are of, and lengths of time: what several clauses have in common. */
import { ActionIcon, Autocomplete, Button, Group, NumberInput, Select, TagsInput, Text } from "@mantine/core";
import { IconFilter, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useProject } from "../../api/session";
import { OPERATORS } from "./operators";
import { useWords } from "./queries";
import { ANY_EVENT, type Condition, condition } from "./rule";

export function Line({ children, indent = false }: { children: ReactNode; indent?: boolean }) {
  return (
    <Group gap={8} pl={indent ? "md" : 0}>
      {children}
    </Group>
  );
}

export function EventName({
  value,
  onChange,
  label = "Event",
}: {
  value: string;
  onChange: (event: string) => void;
  label?: string;
}) {
  const words = useWords(useProject()).data;
  return (
    <Autocomplete
      aria-label={label}
      placeholder="Event"
      flex="1 1 180px"
      data={[...(words?.events.map((each) => each.name) ?? []), ANY_EVENT]}
      limit={50}
      value={value}
      onChange={onChange}
    />
  );
}

/** The conditions on an event, one a line. */
export function Where({ where, onChange }: { where: Condition[]; onChange: (where: Condition[]) => void }) {
  const words = useWords(useProject()).data;
  return where.map((each) => (
    <Line key={each.key} indent>
      <Text size="sm" c="dimmed">
        where
      </Text>
      <Comparing
        part={each}
        names={words?.event_properties ?? []}
        what="Property of the event"
        onChange={(changed) => onChange(where.map((other) => (other.key === changed.key ? changed : other)))}
      />
      <ActionIcon onClick={() => onChange(where.filter((other) => other.key !== each.key))} aria-label="Remove this condition">
        <IconX size={15} />
      </ActionIcon>
    </Line>
  ));
}

export function AddWhere({ where, onChange }: { where: Condition[]; onChange: (where: Condition[]) => void }) {
  return (
    <Button
      variant="subtle"
      size="compact-xs"
      leftSection={<IconFilter size={13} />}
      onClick={() => onChange([...where, condition()])}
    >
      Where a property…
    </Button>
  );
}

interface Compared {
  property: string;
  operator: string;
  values: string[];
}

/** A property, how it is compared, and with what. */
export function Comparing<Part extends Compared>(props: {
  part: Part;
  names: string[];
  what: string;
  onChange: (part: Part) => void;
}) {
  const { part, names, what, onChange } = props;
  return (
    <>
      <Autocomplete
        aria-label={what}
        placeholder={what}
        flex="1 1 150px"
        data={names}
        limit={50}
        value={part.property}
        onChange={(property) => onChange({ ...part, property })}
      />
      <Select
        aria-label="Comparison"
        w={170}
        data={OPERATORS}
        value={part.operator}
        onChange={(operator) => onChange({ ...part, operator: operator ?? "is" })}
      />
      <TagsInput
        aria-label="Values"
        placeholder={part.values.length ? "" : "Value, then Enter"}
        flex="2 1 180px"
        size="sm"
        acceptValueOnBlur
        value={part.values}
        onChange={(values) => onChange({ ...part, values })}
      />
    </>
  );
}

const UNITS = ["second", "minute", "hour", "day"];

/** A length of time such as "30 minutes". */
export function Within({ value, onChange, label }: { value: string; onChange: (value: string) => void; label: string }) {
  const [, number = "1", unit = "hour"] = /^(\d+) (second|minute|hour|day)s?$/.exec(value) ?? [];
  const put = (many: number, of: string) => onChange(`${many} ${of}${many === 1 ? "" : "s"}`);
  return (
    <Group gap={8} wrap="nowrap">
      <Text size="sm">{label}</Text>
      <NumberInput
        aria-label={`${label}: how long`}
        w={70}
        min={1}
        allowDecimal={false}
        value={Number(number)}
        onChange={(many) => put(Math.max(1, Number(many) || 1), unit)}
        hideControls
      />
      <Select
        aria-label={`${label}: unit`}
        w={104}
        data={UNITS.map((each) => ({ value: each, label: number === "1" ? each : `${each}s` }))}
        value={unit}
        onChange={(of) => put(Number(number), of ?? "hour")}
      />
      <ActionIcon onClick={() => onChange("")} aria-label={`Without ${label}`}>
        <IconX size={15} />
      </ActionIcon>
    </Group>
  );
}
