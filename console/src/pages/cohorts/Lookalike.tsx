/** A lookalike: its seed and how many it takes; and the card of its model, which says how good it is. */
import { Alert, Card, Group, NumberInput, SegmentedControl, Select, Stack, Table, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Shape } from "../../api/client";
import { useCohortNames } from "../../api/names";
import { useProject } from "../../api/session";
import { count, many, moment, share } from "../../parts/figures";
import { MayButton } from "../../parts/May";
import { Asked, Failure } from "../../parts/States";
import type { FormProps } from "./Other";
import { cohortsOf } from "./queries";

type ModelCard = Shape<"ModelCardView">;
type Unit = "people" | "percent";

interface Wish {
  seed: string | null;
  unit: Unit;
  take: number;
  lookBack: number;
  retrain: number;
}

const MOST: Record<Unit, number> = { people: 100_000_000, percent: 50 };

function wishOf(definition: Record<string, unknown> = {}): Wish {
  const take = (definition.take ?? { percent: 10 }) as Partial<Record<Unit, number>>;
  const unit = take.people === undefined ? "percent" : "people";
  return {
    seed: typeof definition.seed === "string" ? definition.seed : null,
    unit,
    take: take[unit] ?? 10,
    lookBack: Number(definition.look_back_days ?? 90),
    retrain: Number(definition.retrain_days ?? 7),
  };
}

export function LookalikeForm({ known, onDefined }: FormProps) {
  const names = useCohortNames(useProject());
  const [wish, setWish] = useState(() => wishOf(known?.definition));
  const put = (change: Partial<Wish>) => {
    const next = { ...wish, ...change };
    setWish(next);
    const { seed, unit, take, lookBack, retrain } = next;
    const whole = take >= 1 && take <= MOST[unit] && lookBack >= 1 && retrain >= 1;
    onDefined(seed && whole ? { seed, take: { [unit]: take }, look_back_days: lookBack, retrain_days: retrain } : null);
  };
  const days = (name: "lookBack" | "retrain", label: string, description: string, max: number) => (
    <NumberInput
      label={label}
      description={description}
      min={1}
      max={max}
      allowDecimal={false}
      value={wish[name]}
      onChange={(value) => put({ [name]: Number(value) })}
      flex="1 1 220px"
    />
  );
  return (
    <Stack gap="md">
      <Select
        label="Seed"
        description="The cohort whose members others are compared with."
        searchable
        limit={50}
        data={(names.data ?? []).filter((each) => each.value !== known?.id)}
        value={wish.seed}
        onChange={(seed) => put({ seed })}
      />
      <Group align="flex-end">
        <NumberInput
          label="How many of the others"
          min={1}
          max={MOST[wish.unit]}
          allowDecimal={false}
          thousandSeparator=","
          value={wish.take}
          onChange={(value) => put({ take: Number(value) })}
        />
        <SegmentedControl
          aria-label="Counted in"
          data={[
            { value: "percent", label: "percent" },
            { value: "people", label: "people" },
          ]}
          value={wish.unit}
          onChange={(unit) => put({ unit: unit as Unit, take: unit === "percent" ? 10 : 5000 })}
        />
      </Group>
      <Group align="flex-end">
        {days("lookBack", "Days to look back", "What people did in them is what they are like.", 730)}
        {days("retrain", "Days a model serves", "Then it is made anew.", 90)}
      </Group>
      <Text size="sm" c="dimmed">
        Who is in stays until a fifth more people are more alike, so that nobody comes and goes with each small change.
      </Text>
    </Stack>
  );
}

/** The newest model of a lookalike, and a way to have it made. */
export function Model({ cohort }: { cohort: string }) {
  const project = useProject();
  const client = useQueryClient();
  const path = { project, cohort };
  const key = [...cohortsOf(project), cohort, "model"];
  const found = useQuery({
    queryKey: key,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/cohorts/{cohort}/model", { params: { path } })),
  });
  const train = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/cohorts/{cohort}/model", { params: { path } })),
    onSuccess: (made) => client.setQueryData(key, made),
  });
  return (
    <Stack gap="md">
      <Asked of={found} lines={3}>
        {({ card }) =>
          card ? (
            <Shown card={card} />
          ) : (
            <Text c="dimmed">There is no model yet. A run makes it when it needs one, and so does the button.</Text>
          )
        }
      </Asked>
      {train.error && <Failure error={train.error} />}
      <Group>
        <MayButton needs="member" variant="default" loading={train.isPending} onClick={() => train.mutate()}>
          {found.data?.card ? "See whether a newer one is due" : "Make the model"}
        </MayButton>
      </Group>
    </Stack>
  );
}

function Shown({ card }: { card: ModelCard }) {
  return (
    <Stack gap="md">
      <Card>
        <Stack gap={4}>
          <Text size="sm" c="dimmed">
            A member of the seed is ranked before somebody else
          </Text>
          <Text className="figure" fz={28} fw={640} lh={1.1}>
            in {share(card.auc)} of cases
          </Text>
          <Text size="sm">
            95% interval {share(card.auc_low)} to {share(card.auc_high)}, on people it did not learn from. By how much they did
            alone: {share(card.baseline)}; by chance: 50%.
          </Text>
          {card.auc_came !== null && (
            <Text size="sm">
              Of those who were outside the seed at first, {count(card.came)} came into it since: ranked before the others in{" "}
              {share(card.auc_came)} of cases.
            </Text>
          )}
          <Text size="sm" c="dimmed">
            Made as of {moment(card.trained_as_of)} of {many(card.seed_known, "member", "members")} and {count(card.others)}{" "}
            others, by what they did from {moment(card.since)} to {moment(card.cut_off)}
            {card.without.length > 0 && `, without ${card.without.join(", ")}, which define the seed`}.
          </Text>
        </Stack>
      </Card>
      {!card.known && (
        <Alert color="yellow" title="The figures may flatter">
          Not all that defines the seed can be kept apart from what the model learns.
        </Alert>
      )}
      <div className="sheet">
        <Table aria-label="What people who are like the seed did">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>People who are like the seed are</Table.Th>
              <Table.Th className="number">Weight</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {card.weights.map((each) => (
              <Table.Tr key={each.words}>
                <Table.Td>{each.words}</Table.Td>
                <Table.Td className="number">{each.weight.toFixed(2)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <div className="sheet">
        <Table aria-label="How good it is, in tenths">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Tenths, the most alike first</Table.Th>
              <Table.Th className="number">Expected in the seed</Table.Th>
              <Table.Th className="number">Are in it</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {[...card.bins].reverse().map((each, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: tenths have no name but their place
              <Table.Tr key={place}>
                <Table.Td>{many(each.people, "person", "people")}</Table.Td>
                <Table.Td className="number">{share(each.expected)}</Table.Td>
                <Table.Td className="number">{share(each.observed)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Stack>
  );
}
