/** All projects one may see; with a single one, its first page. */
import { Badge, Card, Group, SimpleGrid, Text } from "@mantine/core";
import { IconFolder } from "@tabler/icons-react";
import { Link, Navigate } from "react-router";
import { useProjects } from "../../api/session";
import { roles } from "../../labels";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";

export function Component() {
  const projects = useProjects();
  const only = projects.data?.items.length === 1 ? projects.data.items[0] : undefined;
  if (only) return <Navigate to={`/projects/${only.id}`} replace />;
  return (
    <Page title="Projects">
      <Asked of={projects}>
        {({ items }) =>
          items.length ? (
            <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }}>
              {items.map((each) => (
                <Card key={each.id} component={Link} to={`/projects/${each.id}`} className="tile">
                  <Group justify="space-between" wrap="nowrap">
                    <Text fw={600}>{each.name}</Text>
                    {each.role && <Badge color="gray">{roles[each.role]}</Badge>}
                  </Group>
                  <Text size="sm" c="dimmed">
                    {each.plan === "paid" ? "Paid plan" : "Free plan"} · {each.zone}
                  </Text>
                </Card>
              ))}
            </SimpleGrid>
          ) : (
            <Empty icon={IconFolder} title="No project is open to you">
              An administrator of this installation can give you a role in one.
            </Empty>
          )
        }
      </Asked>
    </Page>
  );
}
