/** Catalog, tab Sources: where people and events come from, and how far what answers there can be trusted. */
import { Anchor, Badge, Button, Card, Group, Modal, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDatabase } from "@tabler/icons-react";
import { Link } from "react-router";
import { useNames } from "../../api/names";
import { useMay, useProject } from "../../api/session";
import { amplitudeRegions, engines } from "../../labels";
import { CatalogTabs } from "../../parts/CatalogTabs";
import { count, many, moment } from "../../parts/figures";
import { OnlyFor } from "../../parts/OnlyFor";
import { Asked, Empty } from "../../parts/States";
import { Status } from "../../parts/Status";
import { Keys } from "./Keys";
import { type Source, useSources } from "./queries";
import { Removal } from "./Removal";
import { OfTables } from "./Tables";
import { Test } from "./Test";

export function Component() {
  return (
    <CatalogTabs here="sources" about="Where cohorts and events are kept outside of Tradewind.">
      <OnlyFor needs="manager">
        <All />
      </OnlyFor>
    </CatalogTabs>
  );
}

function All() {
  const project = useProject();
  const { may } = useMay("manager");
  const sources = useSources(project, may);
  const [adding, { open, close }] = useDisclosure(false);
  return (
    <Asked of={sources} lines={3}>
      {({ items }) => (
        <Stack gap="lg">
          {items.map((each) => (
            <One key={each.id} source={each} />
          ))}
          {!items.length && !adding && (
            <Empty icon={IconDatabase} title="No source yet" action={<Button onClick={open}>Add a source in Amplitude</Button>}>
              Events that are sent or imported need none. A source is a project in Amplitude whose cohorts are pulled, or tables
              of your own that answer for this project.
            </Empty>
          )}
          {adding ? (
            <Card>
              <Stack gap="sm">
                <Title order={2}>A source in Amplitude</Title>
                <Keys taken={items.map((each) => each.id)} onClose={close} />
                {!items.length && (
                  <Button variant="default" onClick={close} style={{ alignSelf: "flex-start" }}>
                    Back
                  </Button>
                )}
              </Stack>
            </Card>
          ) : (
            items.length > 0 && (
              <Group>
                <Button variant="default" onClick={open}>
                  Add a source in Amplitude
                </Button>
              </Group>
            )
          )}
          <Text size="sm" c="dimmed" maw={720}>
            Tables are named where their database can be reached: on the server, in a file that says which columns are what, with{" "}
            <code>tradewind sources add tables</code>. Then they stand here, to be tested, verified and chosen.
          </Text>
        </Stack>
      )}
    </Asked>
  );
}

function One({ source }: { source: Source }) {
  const kind = source.tables ? `Tables in ${engines[source.tables.engine] ?? source.tables.engine}` : "Amplitude";
  return (
    <Card component="section" aria-label={source.name}>
      <Stack gap="sm">
        <Group gap="sm">
          <Title order={2}>{source.name}</Title>
          <Badge color="gray">{kind}</Badge>
          {source.tables && (
            <Status tone={source.tables.verified ? "good" : "warning"}>
              {source.tables.verified ? "Verified" : "Unverified"}
            </Status>
          )}
          {source.tables?.answers && <Badge>Answers for this project</Badge>}
        </Group>
        {source.tables ? <OfTables source={source} tables={source.tables} /> : <InAmplitude source={source} />}
      </Stack>
    </Card>
  );
}

function InAmplitude({ source }: { source: Source }) {
  const project = useProject();
  const names = useNames(project);
  const [changing, { open, close }] = useDisclosure(false);
  const { downloads, region, cohorts } = source;
  return (
    <>
      <Text size="sm">
        {amplitudeRegions[region] ?? region}.{" "}
        {downloads &&
          `${count(downloads.left)} of ${many(downloads.allowed, "download", "downloads")} are left this month${
            downloads.left === 0 && downloads.next_free ? `, the next on ${moment(downloads.next_free)}` : ""
          }. `}
        {cohorts.length ? "Pulled through it: " : "No cohort is pulled through it yet."}
        {cohorts.map((each, place) => (
          <span key={each}>
            {place > 0 && ", "}
            <Anchor component={Link} underline="always" to={`/projects/${project}/cohorts/${each}`} size="sm">
              {names.cohort(each)}
            </Anchor>
          </span>
        ))}
      </Text>
      <Group gap="xs">
        <Test source={source} />
        <Button variant="default" size="xs" onClick={open}>
          Change
        </Button>
        <Removal source={source} />
      </Group>
      <Modal opened={changing} onClose={close} title={`Change ${source.name}`}>
        {changing && <Keys known={source} taken={[]} onClose={close} />}
      </Modal>
    </>
  );
}
