/** What the pages of syncs and segments ask the API. */
import { useQuery } from "@tanstack/react-query";
import { answer, api, type Shape } from "../../api/client";

export type Segment = Shape<"SegmentView">;
export type Portrait = Shape<"PortraitView">;
export type Draft = Shape<"Draft">;

export const segmentsOf = (project: string) => ["segments", project];
export const segmentOf = (project: string, sync: string) => ["segments", project, sync];

/** Every sync of the project with its segment and last run. */
export function useSegments(project: string) {
  const params = { path: { project }, query: { limit: 200 } };
  return useQuery({
    queryKey: segmentsOf(project),
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/segments", { params })),
  });
}

export function useSegment(project: string, sync: string) {
  const params = { path: { project, sync } };
  return useQuery({
    queryKey: segmentOf(project, sync),
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/segments/{sync}", { params })),
  });
}

/** How many identifiers of the cohort this account can address; it may take as long as the cohort does. */
export function useReach(project: string, cohort: string, connection: string | null) {
  return useQuery({
    queryKey: ["reach", project, cohort, connection],
    enabled: connection !== null,
    retry: false,
    staleTime: 60_000,
    queryFn: () =>
      answer(
        api.POST("/api/v1/projects/{project}/previews/identifiers", {
          params: { path: { project } },
          body: { cohort, connection: connection ?? "", edit: 0 },
        }),
      ),
  });
}

/** When a sync would run and what it would cost; nothing is added. */
export function useForecast(project: string, draft: Draft | null) {
  return useQuery({
    queryKey: ["forecast", project, draft],
    enabled: draft !== null,
    placeholderData: (before) => before,
    queryFn: () =>
      answer(
        api.POST("/api/v1/projects/{project}/syncs/draft/forecast", {
          params: { path: { project } },
          body: draft as Draft,
        }),
      ),
  });
}

export function useCohort(project: string, cohort: string) {
  const params = { path: { project, cohort } };
  return useQuery({
    queryKey: ["cohort", project, cohort],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/cohorts/{cohort}", { params })),
  });
}
