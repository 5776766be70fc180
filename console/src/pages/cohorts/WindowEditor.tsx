/** When: the last days, weeks or hours, between days, since one, in somebody's first days, or ever. */
import { ActionIcon, Group, Menu, NumberInput, Select, Text, TextInput } from "@mantine/core";
import { IconCheck, IconDots } from "@tabler/icons-react";
import type { Window } from "./rule";

interface Props {
  part: Window;
  onChange: (part: Window) => void;
  /** What does not go here. */
  without?: Window["kind"][];
}

const KINDS: { value: Window["kind"]; label: string }[] = [
  { value: "last", label: "in the last" },
  { value: "between", label: "between" },
  { value: "since", label: "since" },
  { value: "first_use", label: "in their first" },
  { value: "ever", label: "at any time" },
];

const UNITS = ["day", "week", "hour"] as const;

export function WindowEditor({ part, onChange, without = [] }: Props) {
  const put = (change: Partial<Window>) => onChange({ ...part, ...change });
  const lasting = part.kind === "last" || part.kind === "first_use";
  const units = part.kind === "last" ? UNITS : UNITS.slice(0, 2);
  return (
    <Group gap={8}>
      <Select
        aria-label="When"
        w={132}
        data={KINDS.filter((each) => !without.includes(each.value))}
        value={part.kind}
        onChange={(kind) => {
          const unit = kind === "first_use" && part.unit === "hour" ? "day" : part.unit;
          put({ kind: (kind ?? "last") as Window["kind"], unit });
        }}
      />
      {lasting && (
        <Group gap={8} wrap="nowrap">
          <NumberInput
            aria-label="How long"
            w={70}
            min={1}
            max={10_000}
            allowDecimal={false}
            value={part.number}
            onChange={(number) => put({ number: Number(number) || 0 })}
            hideControls
          />
          <Select
            aria-label="Unit of time"
            w={96}
            data={units.map((value) => ({ value, label: part.number === 1 ? value : `${value}s` }))}
            value={part.unit}
            onChange={(unit) => put({ unit: (unit ?? "day") as Window["unit"] })}
          />
        </Group>
      )}
      {part.kind === "last" && part.unit !== "hour" && <Ending part={part} put={put} />}
      {(part.kind === "between" || part.kind === "since") && (
        <TextInput
          type="date"
          aria-label="First day"
          value={part.first}
          onChange={(event) => put({ first: event.currentTarget.value })}
        />
      )}
      {part.kind === "between" && (
        <>
          <Text size="sm">and before</Text>
          <TextInput
            type="date"
            aria-label="Day after the last"
            value={part.until}
            onChange={(event) => put({ until: event.currentTarget.value })}
          />
        </>
      )}
    </Group>
  );
}

/** Up to now, as usual; or without today; or ended some days ago. */
function Ending({ part, put }: { part: Window; put: (change: Partial<Window>) => void }) {
  const usual = !part.offset && !part.complete;
  return (
    <>
      {part.complete && !part.offset && <Text size="sm">without today</Text>}
      {part.offset > 0 && (
        <>
          <Text size="sm">ended</Text>
          <NumberInput
            aria-label="Ended so many days ago"
            w={70}
            min={1}
            max={10_000}
            allowDecimal={false}
            value={part.offset}
            onChange={(number) => put({ offset: Math.max(1, Number(number) || 1) })}
            hideControls
          />
          <Text size="sm">{part.offset === 1 ? "day ago" : "days ago"}</Text>
        </>
      )}
      <Menu position="bottom-start" shadow="md">
        <Menu.Target>
          <ActionIcon aria-label="When the window ends">
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Choice on={usual} onClick={() => put({ offset: 0, complete: false })}>
            Up to now
          </Choice>
          <Choice on={part.complete && !part.offset} onClick={() => put({ offset: 0, complete: true })}>
            Whole days, without today
          </Choice>
          <Choice on={part.offset > 0} onClick={() => put({ offset: part.offset || 7, complete: false })}>
            Ended some days ago
          </Choice>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function Choice({ on, onClick, children }: { on: boolean; onClick: () => void; children: string }) {
  return (
    <Menu.Item onClick={onClick} rightSection={on ? <IconCheck size={14} /> : undefined}>
      {children}
    </Menu.Item>
  );
}
