/** The name, which leads home. */
import { Group, Text } from "@mantine/core";
import { Link } from "react-router";

export function Mark() {
  return (
    <Link to="/" style={{ color: "inherit", textDecoration: "none" }} aria-label="Tradewind, all projects">
      <Group gap={8} wrap="nowrap">
        <img src="/mark.svg" alt="" width={26} height={26} />
        <Text fw={640} size="lg" style={{ letterSpacing: "-0.01em" }}>
          Tradewind
        </Text>
      </Group>
    </Link>
  );
}
