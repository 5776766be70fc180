/** What pages ask the API about sources: places outside where events and cohorts are kept. */
import { useQuery } from "@tanstack/react-query";
import { answer, api, type Shape } from "../../api/client";

export type Source = Shape<"SourceView">;
export type Tables = NonNullable<Source["tables"]>;

export const sourcesOf = (project: string) => ["sources", project];

/** All of a project; nobody outside is asked. */
export function useSources(project: string, may = true) {
  const params = { path: { project }, query: { limit: 200 } };
  return useQuery({
    queryKey: sourcesOf(project),
    enabled: may,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/sources", { params })),
  });
}
