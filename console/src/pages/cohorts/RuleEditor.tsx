/** A group of clauses and groups, each with the number of people it leaves; what is added, moved into a group or removed. */
import { ActionIcon, Button, Menu, Group as Row, SegmentedControl, Select, Stack, Text, Tooltip } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { type RefObject, useRef, useState } from "react";
import { count } from "../../parts/figures";
import { ClauseEditor } from "./ClauseEditor";
import type { Size } from "./queries";
import {
  ANY_EVENT,
  did,
  type Group,
  group,
  has,
  isBare,
  lastDays,
  life,
  moreOften,
  nested,
  type Rule,
  sample,
  sequence,
} from "./rule";

/** Sizes by the key of the part they are of. */
export type Sizes = Map<number, Size>;

interface Props {
  part: Group;
  sizes: Sizes;
  onChange: (part: Group) => void;
  onRemove?: () => void;
}

export function RuleEditor({ part, sizes, onChange, onRemove }: Props) {
  const put = (changed: Rule) =>
    onChange({ ...part, rules: part.rules.map((rule) => (rule.key === changed.key ? changed : rule)) });
  const button = useRef<HTMLButtonElement>(null);
  const [added, setAdded] = useState<number | null>(null);
  const add = (...rules: Rule[]) => {
    setAdded(rules[0]?.key ?? null);
    onChange({ ...part, rules: [...part.rules, ...rules] });
  };
  const drop = (key: number) => {
    onChange({ ...part, rules: part.rules.filter((rule) => rule.key !== key) });
    button.current?.focus();
  };
  return (
    <section className="group" aria-label={`People who match ${part.mode} of these`}>
      <Stack gap="sm">
        <Row justify="space-between" gap="xs">
          <Row gap="xs">
            <Select
              aria-label="Who"
              w={112}
              size="xs"
              data={[
                { value: "in", label: "People who" },
                { value: "out", label: "Not who" },
              ]}
              value={part.not ? "out" : "in"}
              onChange={(word) => onChange({ ...part, not: word === "out" })}
            />
            <Text size="sm">match</Text>
            <SegmentedControl
              aria-label="How the clauses are joined"
              size="xs"
              data={[
                { value: "all", label: "all" },
                { value: "any", label: "any" },
              ]}
              value={part.mode}
              onChange={(mode) => onChange({ ...part, mode: mode === "any" ? "any" : "all" })}
            />
            <Text size="sm">of these</Text>
          </Row>
          {onRemove && (
            <ActionIcon onClick={onRemove} aria-label="Remove this group">
              <IconTrash size={16} />
            </ActionIcon>
          )}
        </Row>
        {part.rules.map((rule, place) => (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset has a frame and a layout of its own
          <div
            key={rule.key}
            className={rule.kind === "group" ? undefined : "clause"}
            role="group"
            aria-label={`Clause ${place + 1}`}
            ref={rule.key === added ? enter : undefined}
          >
            {rule.kind === "group" ? (
              <RuleEditor part={rule} sizes={sizes} onChange={put} onRemove={() => drop(rule.key)} />
            ) : (
              <Row align="flex-start" wrap="nowrap" gap="xs">
                <div style={{ flex: 1, minWidth: 0 }}>
                  <ClauseEditor part={rule} onChange={put} />
                </div>
                <ActionIcon size={36} onClick={() => drop(rule.key)} aria-label="Remove this clause">
                  <IconTrash size={16} />
                </ActionIcon>
              </Row>
            )}
            <Leaves size={sizes.get(rule.key)} mode={part.mode} />
          </div>
        ))}
        <Row gap="xs">
          <Add button={button} onAdd={add} />
          {!onRemove && <Usual onAdd={add} />}
        </Row>
      </Stack>
    </section>
  );
}

/** How many a clause holds for alone, and how many are left with those above it. */
function Leaves({ size, mode }: { size?: Size; mode: "all" | "any" }) {
  if (!size) return null;
  return (
    <Tooltip
      label={mode === "all" ? "Alone; and together with the clauses above it" : "Alone; and found with the clauses above it"}
    >
      <Text size="xs" c="dimmed" className="figure" mt={6} w="fit-content">
        {count(size.members)} people; {count(size.after)} {mode === "all" ? "left" : "found so far"}
      </Text>
    </Tooltip>
  );
}

/** Whoever works by keyboard goes on in the first field of the clause that was added. */
function enter(clause: HTMLElement | null) {
  clause?.querySelector<HTMLElement>("input, button")?.focus();
}

function Add({ onAdd, button }: { onAdd: (rule: Rule) => void; button: RefObject<HTMLButtonElement | null> }) {
  return (
    <Menu position="bottom-start" shadow="md" returnFocus={false} onClose={() => button.current?.focus()}>
      <Menu.Target>
        <Button ref={button} variant="default" size="xs" leftSection={<IconPlus size={14} />} w="fit-content">
          Add a clause
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onAdd(did())}>Did an event</Menu.Item>
        <Menu.Item onClick={() => onAdd({ ...did(), never: true })}>Did not do an event</Menu.Item>
        <Menu.Item onClick={() => onAdd(sequence())}>Did one thing after another</Menu.Item>
        <Menu.Item onClick={() => onAdd(moreOften())}>Did one thing more often than another</Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => onAdd(life("new"))}>Is new</Menu.Item>
        <Menu.Item onClick={() => onAdd(did(ANY_EVENT))}>Was active</Menu.Item>
        <Menu.Item onClick={() => onAdd(life("inactive"))}>Was not active any more</Menu.Item>
        <Menu.Item onClick={() => onAdd(life("returned"))}>Came back</Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => onAdd(has())}>Has a property</Menu.Item>
        <Menu.Item onClick={() => onAdd(nested())}>Is in another cohort</Menu.Item>
        <Menu.Item onClick={() => onAdd(sample())}>Is in a sample</Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => onAdd(group([did()], "any"))}>A group of clauses</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** What is asked for most, a click each: how often, how lately, and one thing without the other. */
function Usual({ onAdd }: { onAdd: (...rules: Rule[]) => void }) {
  const usual: [string, () => Rule[]][] = [
    ["Did it often", () => [{ ...did(), number: "3" }]],
    ["Did it lately", () => [{ ...did(), window: lastDays(3) }]],
    [
      "Did one, not the other",
      () => [
        { ...did(), window: lastDays(7) },
        { ...did(), never: true, window: lastDays(7) },
      ],
    ],
  ];
  return usual.map(([name, rules]) => (
    <Button key={name} variant="subtle" size="xs" onClick={() => onAdd(...rules())}>
      {name}
    </Button>
  ));
}

/** Lays the sizes of a written rule beside its parts: both have the same form. */
export function sizesOf(rule: Rule, size: Size, found: Sizes = new Map()): Sizes {
  found.set(rule.key, size);
  if (rule.kind !== "group") return found;
  const inner = rule.not ? size.parts?.[0] : size;
  const parts = isBare(rule) ? [inner] : (inner?.parts ?? []);
  if (parts.length === rule.rules.length) {
    rule.rules.forEach((part, place) => {
      const its = parts[place];
      if (its) sizesOf(part, its, found);
    });
  }
  return found;
}
