/** What somebody did: how often, on how many days, for how much, for which time, in each week. */
import { ActionIcon, Autocomplete, Button, Group, Menu, NumberInput, Select, Stack, Text } from "@mantine/core";
import { IconDots, IconX } from "@tabler/icons-react";
import { useProject } from "../../api/session";
import { AddWhere, EventName, Line, Where } from "./Conditions";
import { COMPARISONS, MEASURES } from "./operators";
import { useWords } from "./queries";
import { type Did, type Measure, OF_PROPERTY } from "./rule";
import { WindowEditor } from "./WindowEditor";

export function DidEditor({ part, onChange }: { part: Did; onChange: (part: Did) => void }) {
  const put = (change: Partial<Did>) => onChange({ ...part, ...change });
  return (
    <Stack gap="xs">
      <Line>
        <Select
          aria-label="Whether they did it"
          w={116}
          data={[
            { value: "did", label: "did" },
            { value: "did_not", label: "did not do" },
          ]}
          value={part.never ? "did_not" : "did"}
          onChange={(word) => put({ never: word === "did_not" })}
        />
        <EventName value={part.event} onChange={(event) => put({ event })} />
        {!part.never && <HowMuch part={part} put={put} />}
        <WindowEditor
          part={part.window}
          onChange={(window) => put({ window })}
          without={part.never ? [] : part.each ? ["ever", "first_use"] : part.measure === "nth" ? ["first_use"] : []}
        />
        {part.each && !part.never && (
          <Group gap={4} wrap="nowrap">
            <Text size="sm">{part.each === "day" ? "in each day of these" : "in each week of these"}</Text>
            <ActionIcon onClick={() => put({ each: "" })} aria-label="Not in each of them">
              <IconX size={15} />
            </ActionIcon>
          </Group>
        )}
      </Line>
      <Where where={part.where} onChange={(where) => put({ where })} />
      <Group gap="xs">
        <AddWhere where={part.where} onChange={(where) => put({ where })} />
        {!part.never && part.measure !== "nth" && !part.each && divisible(part.window) && (
          <Menu position="bottom-start" shadow="md">
            <Menu.Target>
              <Button variant="subtle" size="compact-xs" leftSection={<IconDots size={13} />}>
                More
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => put({ each: "day" })}>In each day of these</Menu.Item>
              <Menu.Item onClick={() => put({ each: "week" })}>In each week of these</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </Group>
    </Stack>
  );
}

/** Whether a window is of days that begin at one time for everybody. */
function divisible({ kind, unit }: Did["window"]): boolean {
  return kind === "between" || kind === "since" || (kind === "last" && unit !== "hour");
}

/** The comparison, the number, and of what; whole numbers but for amounts. */
function HowMuch({ part, put }: { part: Did; put: (change: Partial<Did>) => void }) {
  const words = useWords(useProject()).data;
  const decimal = OF_PROPERTY.has(part.measure) && part.measure !== "distinct";
  const measures = MEASURES.map(({ value, one, more }) => ({ value, label: part.number === "1" ? one : more }));
  return (
    <>
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
          w={decimal ? 96 : 76}
          min={decimal ? undefined : 0}
          max={999_999_999}
          allowDecimal={decimal}
          decimalScale={decimal ? 9 : 0}
          value={part.number}
          onChange={(number) => put({ number: String(number) })}
          hideControls
        />
      </Group>
      <Select
        aria-label="Of what"
        w={part.measure === "count" ? { base: 116, sm: 170 } : 170}
        data={measures}
        value={part.measure}
        onChange={(measure) => put({ measure: (measure ?? "count") as Measure, each: measure === "nth" ? "" : part.each })}
      />
      {OF_PROPERTY.has(part.measure) && (
        <Autocomplete
          aria-label="Property that is measured"
          placeholder="property"
          flex="1 1 130px"
          data={words?.event_properties ?? []}
          limit={50}
          value={part.of}
          onChange={(of) => put({ of })}
        />
      )}
    </>
  );
}
