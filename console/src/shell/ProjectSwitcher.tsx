/** Which project one is in, and the others. */
import { Select } from "@mantine/core";
import { useNavigate } from "react-router";
import type { Shape } from "../api/client";

export function ProjectSwitcher({ projects, project }: { projects: Shape<"ProjectView">[]; project: string }) {
  const go = useNavigate();
  return (
    <Select
      aria-label="Project"
      placeholder="Choose a project"
      data={projects.map((each) => ({ value: each.id, label: each.name }))}
      value={project || null}
      onChange={(id) => id && go(`/projects/${id}`)}
      searchable={projects.length > 8}
      nothingFoundMessage="No project of that name"
      comboboxProps={{ shadow: "md" }}
    />
  );
}
