/** The recovery codes, which are shown once. */
import { Alert, Button, Code, CopyButton, Group, SimpleGrid, Stack, Text } from "@mantine/core";

export function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  return (
    <Alert color="teal" title="The second factor is on. Keep these recovery codes; they are shown once" role="status" maw={640}>
      <Stack gap="md">
        <Text size="sm">Each lets you in once when the phone is not there. Keep them where the phone is not.</Text>
        <SimpleGrid component="ul" cols={{ base: 1, xs: 2 }} spacing="xs" m={0} p={0} style={{ listStyle: "none" }}>
          {codes.map((each) => (
            <li key={each}>
              <Code>{each}</Code>
            </li>
          ))}
        </SimpleGrid>
        <Group gap="xs">
          <CopyButton value={codes.join("\n")}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? "Copied" : "Copy all"}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onDone}>I have kept them</Button>
        </Group>
      </Stack>
    </Alert>
  );
}
