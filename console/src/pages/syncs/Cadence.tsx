/** How often: each cadence with when people would expire, and beneath it what few people change. */
import { Accordion, Card, NumberInput, Radio, Select, Stack, TagsInput, Text, TextInput, Title } from "@mantine/core";
import type { Shape } from "../../api/client";
import { cadences, refreshes } from "../../labels";
import { count, many, moment } from "../../parts/figures";
import type { Draft } from "./queries";
import type { Fields } from "./wish";

const OFFERED: { value: Draft["cadence"]; about: (days: number) => string }[] = [
  {
    value: "one_time",
    about: (days) => `Sent once. People expire after ${many(days, "day", "days")} unless it is synced again.`,
  },
  { value: "hourly", about: () => "Every hour people come and go; whoever stays is renewed and does not expire." },
  { value: "daily", about: () => "Every day people come and go; whoever stays is renewed and does not expire." },
  { value: "cron", about: () => "At the times of a cron expression." },
  {
    value: "on_change",
    about: () => "Within a minute after its data or its rule changed, and daily, so that nobody expires meanwhile.",
  },
];

const SILENT = "Not for this cohort: its data lies elsewhere and does not say when it changes.";

interface Props {
  fields: Fields;
  set: (change: Partial<Fields>) => void;
  forecast?: Shape<"ForecastView">;
  /** Whether the cohort, and each that it is made of, says when it changed. */
  tells: boolean;
}

export function Cadence({ fields, set, forecast, tells }: Props) {
  return (
    <Card>
      <Stack gap="sm">
        <Radio.Group
          label={<Title order={2}>The sync cadence</Title>}
          value={fields.cadence}
          onChange={(value) => set({ cadence: value as Draft["cadence"] })}
        >
          <Stack gap="xs" mt="sm">
            {OFFERED.map(({ value, about }) => (
              <Radio
                key={value}
                value={value}
                label={cadences[value]}
                disabled={value === "on_change" && !tells}
                description={value === "on_change" && !tells ? SILENT : about(fields.ttlDays)}
              />
            ))}
          </Stack>
        </Radio.Group>
        {fields.cadence === "cron" && (
          <TextInput
            label="Cron expression"
            description="Minute, hour, day of the month, month, day of the week, in the project's zone; 15 6 * * 1-5 is 6:15 from Monday to Friday."
            placeholder="15 6 * * 1-5"
            maxLength={120}
            value={fields.cron}
            onChange={(event) => set({ cron: event.currentTarget.value })}
          />
        )}
        {fields.cadence === "hourly" && (
          <NumberInput
            size="sm"
            w={200}
            label="At this minute of every hour"
            min={0}
            max={59}
            allowDecimal={false}
            clampBehavior="strict"
            value={Number(fields.at.slice(3))}
            onChange={(minute) => typeof minute === "number" && set({ at: `00:${String(minute).padStart(2, "0")}` })}
          />
        )}
        {(fields.cadence === "daily" || fields.cadence === "on_change") && (
          <TextInput
            type="time"
            w={200}
            label="At, in the project's zone"
            value={fields.at}
            onChange={(event) => event.currentTarget.value && set({ at: event.currentTarget.value })}
          />
        )}
        {forecast && <Slots forecast={forecast} />}
        <Accordion variant="contained" radius={8}>
          <Accordion.Item value="more">
            <Accordion.Control>Time to live, renewal and name</Accordion.Control>
            <Accordion.Panel>
              <Stack gap="sm">
                <NumberInput
                  size="sm"
                  label="Time to live, in days"
                  description="How long somebody stays in the segment after they were sent last; 1 to 180."
                  min={1}
                  max={180}
                  allowDecimal={false}
                  clampBehavior="strict"
                  value={fields.ttlDays}
                  onChange={(value) => typeof value === "number" && set({ ttlDays: value })}
                />
                <Select
                  label="Renew those who stay"
                  description="Before they expire needs far fewer requests; the segment is the same."
                  data={Object.entries(refreshes).map(([value, label]) => ({ value, label }))}
                  value={fields.refresh}
                  onChange={(value) => set({ refresh: value as Draft["refresh"] })}
                />
                <TextInput
                  label="Name of the segment"
                  description="As it is listed at the platform. It cannot be changed later."
                  placeholder={forecast?.segment}
                  maxLength={128}
                  value={fields.segment}
                  onChange={(event) => set({ segment: event.currentTarget.value })}
                />
              </Stack>
            </Accordion.Panel>
          </Accordion.Item>
          <Accordion.Item value="arms">
            <Accordion.Control>Hold some out, or a segment for each value</Accordion.Control>
            <Accordion.Panel>
              <Stack gap="sm">
                <NumberInput
                  size="sm"
                  label="Held out, in percent"
                  description="So many people stay out by lot, so that what sending does can be measured; 10 is usual, 0 is nobody."
                  min={0}
                  max={50}
                  allowDecimal={false}
                  clampBehavior="strict"
                  value={fields.heldOut}
                  onChange={(value) => typeof value === "number" && set({ heldOut: value })}
                />
                <TextInput
                  label="A segment for each value of this user property"
                  description="Such as plan. Each person is in one at most; a name of your own has {value} in it."
                  maxLength={255}
                  value={fields.splitBy}
                  onChange={(event) => set({ splitBy: event.currentTarget.value })}
                />
                {fields.splitBy.trim() && (
                  <TagsInput
                    label="Its values"
                    description="As they are stated; people with any other value are in no segment."
                    maxTags={50}
                    value={fields.values}
                    onChange={(values) => set({ values })}
                  />
                )}
              </Stack>
            </Accordion.Panel>
          </Accordion.Item>
        </Accordion>
      </Stack>
    </Card>
  );
}

function Slots({ forecast }: { forecast: Shape<"ForecastView"> }) {
  const { fires, expires_at, cost } = forecast;
  return (
    <Text size="sm" c="dimmed">
      {fires.length
        ? `Runs next on ${fires.slice(0, 2).map(moment).join(", then ")}. If it ever stopped, people would expire by ${moment(expires_at)}.`
        : `People who are sent now expire on ${moment(expires_at)}.`}
      {cost && cost.requests_a_month > 0 ? ` Renewing takes about ${count(cost.requests_a_month)} requests in 30 days.` : ""}
    </Text>
  );
}
