/** What the mapping rows find: how many of all people have each identifier, and why values of others are none. */
import { Group, Progress, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { useMay, useProject } from "../../api/session";
import { idTypes } from "../../labels";
import { count, share } from "../../parts/figures";
import { Examples } from "./Examples";
import { EVERYBODY, needsName, REASONS, type Row, written } from "./identity";

export function Reach({ rows, send }: { rows: Row[]; send: "all" | "first" }) {
  const project = useProject();
  const { may } = useMay("member");
  const [settled] = useDebouncedValue(rows, 500);
  const mapped = settled.filter((row) => row.kind !== "column" && (!needsName(row.kind) || row.name.trim()));
  const identity = mapped.map(written);
  const found = useQuery({
    queryKey: ["reach", project, identity, send],
    enabled: may && identity.length > 0,
    staleTime: 60_000,
    queryFn: () => {
      const body = { who: EVERYBODY, identity, send, edit: 0 };
      return answer(api.POST("/api/v1/projects/{project}/previews/identifiers", { params: { path: { project } }, body }));
    },
  });
  if (!found.data?.members) return null;
  const { members, members_usable: usable, identifiers, refused_values: refused } = found.data;
  return (
    <Stack gap="xs" aria-live="polite" p="sm" className="clause">
      <Text size="sm">
        <b>{share(usable / members)}</b> of {count(members)} people can be reached by these identifiers.
      </Text>
      {[...new Set(mapped.map((row) => row.idType))].map((type) => (
        <Stack gap={4} key={type}>
          <Group justify="space-between" gap="xs">
            <Text size="sm">{idTypes[type] ?? type}</Text>
            <Text size="sm" className="figure">
              {count(identifiers[type] ?? 0)} valid
            </Text>
          </Group>
          <Progress
            value={(100 * (identifiers[type] ?? 0)) / members}
            aria-label={`${share((identifiers[type] ?? 0) / members)} of all people`}
          />
          <Text size="xs" c="dimmed">
            {Object.entries(refused[type] ?? {})
              .filter(([, values]) => values > 0)
              .map(([reason, values]) => `${count(values)} ${REASONS[reason] ?? reason}`)
              .join("; ")}
          </Text>
        </Stack>
      ))}
      <Examples key={identity.join()} identity={identity} />
    </Stack>
  );
}
