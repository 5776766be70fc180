/** One clause of a rule: what somebody did, what they are, or which cohort they are in. */
import { ActionIcon, Autocomplete, Button, Group, NumberInput, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { IconFilter, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useProject } from "../../api/session";
import { COMPARISONS, OPERATORS } from "./operators";
import { useCohortNames, useWords } from "./queries";
import { type Clause, type Condition, condition, type Did, type Has, type Nested, type Window } from "./rule";

interface Props<Part> {
  part: Part;
  onChange: (part: Part) => void;
}

export function ClauseEditor({ part, onChange }: Props<Clause>) {
  if (part.kind === "did") return <DidEditor part={part} onChange={onChange} />;
  if (part.kind === "user") return <HasEditor part={part} onChange={onChange} />;
  return <NestedEditor part={part} onChange={onChange} />;
}

function DidEditor({ part, onChange }: Props<Did>) {
  const words = useWords(useProject()).data;
  const put = (change: Partial<Did>) => onChange({ ...part, ...change });
  return (
    <Stack gap="xs">
      <Line>
        <Select
          aria-label="Whether they did it"
          w={110}
          data={[
            { value: "did", label: "did" },
            { value: "did_not", label: "did not do" },
          ]}
          value={part.never ? "did_not" : "did"}
          onChange={(word) => put({ never: word === "did_not" })}
        />
        <Autocomplete
          aria-label="Event"
          placeholder="Event"
          flex="1 1 180px"
          data={words?.events.map((each) => each.name) ?? []}
          limit={50}
          value={part.event}
          onChange={(event) => put({ event })}
        />
        {!part.never && (
          <Group gap={8} wrap="nowrap">
            <Select
              aria-label="How often"
              w={120}
              data={COMPARISONS}
              value={part.comparison}
              onChange={(comparison) => put({ comparison: comparison ?? ">=" })}
            />
            <NumberInput
              aria-label="Times"
              w={76}
              min={0}
              max={999_999_999}
              value={part.number}
              onChange={(number) => put({ number: Number(number) || 0 })}
              hideControls
            />
            <Text size="sm">{part.number === 1 ? "time" : "times"}</Text>
          </Group>
        )}
        <WindowEditor part={part.window} onChange={(window) => put({ window })} />
      </Line>
      {part.where.map((each) => (
        <ConditionEditor
          key={each.key}
          part={each}
          names={words?.event_properties ?? []}
          onChange={(changed) => put({ where: part.where.map((other) => (other.key === changed.key ? changed : other)) })}
          onRemove={() => put({ where: part.where.filter((other) => other.key !== each.key) })}
        />
      ))}
      <Group>
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<IconFilter size={13} />}
          onClick={() => put({ where: [...part.where, condition()] })}
        >
          Where a property…
        </Button>
      </Group>
    </Stack>
  );
}

function WindowEditor({ part, onChange }: Props<Window>) {
  return (
    <Group gap={8} wrap={part.kind === "between" ? "wrap" : "nowrap"}>
      <Select
        aria-label="When"
        w={128}
        data={[
          { value: "last", label: "in the last" },
          { value: "between", label: "between" },
          { value: "since", label: "since" },
          { value: "ever", label: "at any time" },
        ]}
        value={part.kind}
        onChange={(kind) => onChange({ ...part, kind: (kind ?? "last") as Window["kind"] })}
      />
      {part.kind === "last" && (
        <>
          <NumberInput
            aria-label="Days"
            w={76}
            min={1}
            max={10_000}
            value={part.days}
            onChange={(days) => onChange({ ...part, days: Number(days) || 0 })}
            hideControls
          />
          <Text size="sm">days</Text>
        </>
      )}
      {(part.kind === "between" || part.kind === "since") && (
        <TextInput
          type="date"
          aria-label="First day"
          value={part.first}
          onChange={(event) => onChange({ ...part, first: event.currentTarget.value })}
        />
      )}
      {part.kind === "between" && (
        <>
          <Text size="sm">and before</Text>
          <TextInput
            type="date"
            aria-label="Day after the last"
            value={part.until}
            onChange={(event) => onChange({ ...part, until: event.currentTarget.value })}
          />
        </>
      )}
    </Group>
  );
}

function ConditionEditor({ part, names, onChange, onRemove }: Props<Condition> & { names: string[]; onRemove: () => void }) {
  return (
    <Line indent>
      <Text size="sm" c="dimmed">
        where
      </Text>
      <Comparing part={part} names={names} what="Property of the event" onChange={onChange} />
      <ActionIcon onClick={onRemove} aria-label="Remove this condition">
        <IconX size={15} />
      </ActionIcon>
    </Line>
  );
}

function HasEditor({ part, onChange }: Props<Has>) {
  const words = useWords(useProject()).data;
  return (
    <Line>
      <Text size="sm">has a</Text>
      <Comparing part={part} names={words?.user_properties ?? []} what="User property" onChange={onChange} />
    </Line>
  );
}

/** A property, how it is compared, and with what. */
function Comparing<Part extends { property: string; operator: string; values: string[] }>(
  props: Props<Part> & { names: string[]; what: string },
) {
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

function NestedEditor({ part, onChange }: Props<Nested>) {
  const cohorts = useCohortNames(useProject()).data ?? [];
  return (
    <Line>
      <Select
        aria-label="Whether they are in it"
        w={110}
        data={[
          { value: "in", label: "is in" },
          { value: "not", label: "is not in" },
        ]}
        value={part.not ? "not" : "in"}
        onChange={(word) => onChange({ ...part, not: word === "not" })}
      />
      <Select
        aria-label="Cohort"
        placeholder="Cohort"
        flex="1 1 220px"
        searchable
        data={cohorts}
        value={part.cohort || null}
        onChange={(cohort) => onChange({ ...part, cohort: cohort ?? "" })}
        nothingFoundMessage="No cohort of that name"
      />
    </Line>
  );
}

function Line({ children, indent = false }: { children: ReactNode; indent?: boolean }) {
  return (
    <Group gap={8} pl={indent ? "md" : 0}>
      {children}
    </Group>
  );
}
