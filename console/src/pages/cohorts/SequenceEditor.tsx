/** One thing after another, or one more often than another: events in steps, each with its conditions. */
import { ActionIcon, Badge, Button, Group, Menu, Select, Stack, TagsInput, Text } from "@mantine/core";
import { IconDots, IconPlus, IconX } from "@tabler/icons-react";
import { useProject } from "../../api/session";
import { AddWhere, EventName, Line, Where, Within } from "./Conditions";
import { useWords } from "./queries";
import { type MoreOften, type Sequence, type Step, step } from "./rule";
import { WindowEditor } from "./WindowEditor";

export function MoreOftenEditor({ part, onChange }: { part: MoreOften; onChange: (part: MoreOften) => void }) {
  const put = (changed: Step) =>
    onChange({ ...part, steps: part.steps.map((each) => (each.key === changed.key ? changed : each)) });
  return (
    <Stack gap="xs">
      {part.steps.map((each, place) => (
        <OneStep key={each.key} label={place ? "more often than" : "did"} part={each} onChange={put} />
      ))}
      <WindowEditor part={part.window} onChange={(window) => onChange({ ...part, window })} />
    </Stack>
  );
}

export function SequenceEditor({ part, onChange }: { part: Sequence; onChange: (part: Sequence) => void }) {
  const put = (change: Partial<Sequence>) => onChange({ ...part, ...change });
  const words = useWords(useProject()).data;
  const within = (steps: Step[], changed: Step) => steps.map((each) => (each.key === changed.key ? changed : each));
  return (
    <Stack gap="xs">
      {part.steps.map((each, place) => (
        <OneStep
          key={each.key}
          label={place ? "and then" : "first did"}
          part={each}
          timed={place > 0}
          onChange={(changed) => put({ steps: within(part.steps, changed) })}
          onRemove={
            part.steps.length > 2 ? () => put({ steps: part.steps.filter((other) => other !== each), dropped: null }) : undefined
          }
        />
      ))}
      {part.without.map((each) => (
        <OneStep
          key={each.key}
          label="with nothing between of"
          part={each}
          onChange={(changed) => put({ without: within(part.without, changed) })}
          onRemove={() => put({ without: part.without.filter((other) => other !== each) })}
        />
      ))}
      {part.holding.length > 0 && (
        <Line>
          <Text size="sm">with the same</Text>
          <TagsInput
            aria-label="Properties that all steps have in common"
            flex="1 1 180px"
            data={words?.event_properties ?? []}
            acceptValueOnBlur
            value={part.holding}
            onChange={(holding) => put({ holding })}
          />
        </Line>
      )}
      <Line>
        {part.dropped !== null && (
          <Select
            aria-label="Where they dropped off"
            w={250}
            data={[
              { value: "", label: "who did all of it" },
              ...part.steps.slice(1).map((_, place) => ({
                value: String(place + 1),
                label: `who did ${place + 1}, but not then ${place + 2}`,
              })),
            ]}
            value={String(part.dropped)}
            onChange={(value) => put({ dropped: value ? Number(value) : null })}
          />
        )}
        {part.within && <Within label="all within" value={part.within} onChange={(value) => put({ within: value })} />}
      </Line>
      <Line>
        <Text size="sm">beginning</Text>
        <WindowEditor part={part.window} onChange={(window) => put({ window })} />
      </Line>
      <Group gap="xs">
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<IconPlus size={13} />}
          onClick={() => put({ steps: [...part.steps, step()] })}
        >
          Another step
        </Button>
        <Menu position="bottom-start" shadow="md">
          <Menu.Target>
            <Button variant="subtle" size="compact-xs" leftSection={<IconDots size={13} />}>
              More
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {!part.within && <Menu.Item onClick={() => put({ within: "1 day" })}>All within a time</Menu.Item>}
            <Menu.Item onClick={() => put({ without: [...part.without, step()] })}>With nothing of an event between</Menu.Item>
            {!part.holding.length && (
              <Menu.Item onClick={() => put({ holding: [words?.event_properties[0] ?? "property"] })}>
                With the same property throughout
              </Menu.Item>
            )}
            {part.dropped === null && (
              <Menu.Item onClick={() => put({ dropped: part.steps.length - 1 })}>Who dropped off on the way</Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      </Group>
    </Stack>
  );
}

interface StepProps {
  label: string;
  part: Step;
  timed?: boolean;
  onChange: (part: Step) => void;
  onRemove?: () => void;
}

function OneStep({ label, part, timed = false, onChange, onRemove }: StepProps) {
  return (
    <Stack gap={6}>
      <Line>
        <Badge variant="light" color="gray" radius="sm" tt="none" fw={500}>
          {label}
        </Badge>
        <EventName label={`Event: ${label}`} value={part.event} onChange={(event) => onChange({ ...part, event })} />
        {part.within && <Within label="within" value={part.within} onChange={(within) => onChange({ ...part, within })} />}
        {onRemove && (
          <ActionIcon onClick={onRemove} aria-label="Remove this step">
            <IconX size={15} />
          </ActionIcon>
        )}
      </Line>
      <Where where={part.where} onChange={(where) => onChange({ ...part, where })} />
      <Group gap="xs" pl="md">
        <AddWhere where={part.where} onChange={(where) => onChange({ ...part, where })} />
        {timed && !part.within && (
          <Button variant="subtle" size="compact-xs" onClick={() => onChange({ ...part, within: "1 hour" })}>
            Within a time…
          </Button>
        )}
      </Group>
    </Stack>
  );
}
