/** One clause of a rule, in the form that its kind has. */
import { Button, Group, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useCohortNames } from "../../api/names";
import { useProject } from "../../api/session";
import { Source } from "../../parts/Source";
import { Comparing, Line } from "./Conditions";
import { DidEditor } from "./DidEditor";
import { useWords } from "./queries";
import { type Clause, ever, type Has, type Kept, type Life, lastDays, type Nested, type Sample } from "./rule";
import { MoreOftenEditor, SequenceEditor } from "./SequenceEditor";
import { WindowEditor } from "./WindowEditor";
import { yaml } from "./yaml";

interface Props<Part> {
  part: Part;
  onChange: (part: Part) => void;
}

export function ClauseEditor({ part, onChange }: Props<Clause>) {
  switch (part.kind) {
    case "did":
      return <DidEditor part={part} onChange={onChange} />;
    case "more_often":
      return <MoreOftenEditor part={part} onChange={onChange} />;
    case "sequence":
      return <SequenceEditor part={part} onChange={onChange} />;
    case "life":
      return <LifeEditor part={part} onChange={onChange} />;
    case "user":
      return <HasEditor part={part} onChange={onChange} />;
    case "cohort":
      return <NestedEditor part={part} onChange={onChange} />;
    case "sample":
      return <SampleEditor part={part} onChange={onChange} />;
    case "kept":
      return <KeptAsItIs part={part} />;
  }
}

const LIVES: { value: Life["word"]; label: string }[] = [
  { value: "new", label: "are new" },
  { value: "inactive", label: "did nothing any more" },
  { value: "returned", label: "came back" },
];

function LifeEditor({ part, onChange }: Props<Life>) {
  return (
    <Line>
      <Select
        aria-label="What became of them"
        w={190}
        data={LIVES}
        value={part.word}
        onChange={(word) => onChange({ ...part, word: (word ?? "new") as Life["word"] })}
      />
      <WindowEditor part={part.window} onChange={(window) => onChange({ ...part, window })} without={["ever", "first_use"]} />
      {part.word === "returned" && (
        <Group gap={8} wrap="nowrap">
          <Text size="sm">after</Text>
          <NumberInput
            aria-label="Days away"
            w={76}
            min={1}
            max={10_000}
            allowDecimal={false}
            value={part.away}
            onChange={(away) => onChange({ ...part, away: Number(away) || 0 })}
            hideControls
          />
          <Text size="sm">days or more without any event</Text>
        </Group>
      )}
    </Line>
  );
}

const TOLD: { value: Has["told"]; label: string }[] = [
  { value: "now", label: "now" },
  { value: "latest", label: "as last stated in a time" },
  { value: "ever", label: "as stated at any time" },
];

function HasEditor({ part, onChange }: Props<Has>) {
  const words = useWords(useProject()).data;
  const tell = (told: Has["told"]) =>
    onChange({ ...part, told, window: told === "latest" && part.window.kind === "ever" ? lastDays(30) : part.window });
  return (
    <Stack gap="xs">
      <Line>
        <Text size="sm">has a</Text>
        <Comparing part={part} names={words?.user_properties ?? []} what="User property" onChange={onChange} />
      </Line>
      {part.told === "now" ? (
        <Button variant="subtle" size="compact-xs" w="fit-content" onClick={() => tell("ever")}>
          At another time…
        </Button>
      ) : (
        <Line indent>
          <Select
            aria-label="When it was stated"
            w={210}
            data={TOLD}
            value={part.told}
            onChange={(told) =>
              told === "now" ? onChange({ ...part, told, window: ever() }) : tell((told ?? "ever") as Has["told"])
            }
          />
          <WindowEditor part={part.window} onChange={(window) => onChange({ ...part, window })} />
        </Line>
      )}
    </Stack>
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
        limit={50}
        data={cohorts}
        value={part.cohort || null}
        onChange={(cohort) => onChange({ ...part, cohort: cohort ?? "" })}
        nothingFoundMessage="No cohort of that name"
      />
    </Line>
  );
}

function SampleEditor({ part, onChange }: Props<Sample>) {
  return (
    <Line>
      <Text size="sm">are among</Text>
      <NumberInput
        aria-label="Percent of all people"
        w={90}
        min={0}
        max={100}
        decimalScale={4}
        value={part.percent}
        onChange={(percent) => onChange({ ...part, percent: String(percent) })}
        suffix=" %"
        hideControls
      />
      <Text size="sm">of all people, drawn by the name</Text>
      <TextInput
        aria-label="Name of the sample"
        placeholder="spring"
        w={160}
        maxLength={100}
        value={part.salt}
        onChange={(event) => onChange({ ...part, salt: event.currentTarget.value })}
      />
    </Line>
  );
}

/** The builder has no fields for it, so it stays as it is; the whole rule can still be written around it. */
function KeptAsItIs({ part }: { part: Kept }) {
  return (
    <Stack gap={4}>
      <Text size="sm" c="dimmed">
        This clause has no fields here, and stays as it was written:
      </Text>
      <Source>{yaml(part.document).trimStart()}</Source>
    </Stack>
  );
}
