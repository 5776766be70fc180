/** What the pages of syncs and segments ask the API. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { answer, api, everything, type Shape } from "../../api/client";

export type Segment = Shape<"SegmentView">;
export type Portrait = Shape<"PortraitView">;
export type Draft = Shape<"Draft">;

export const segmentsOf = (project: string) => ["segments", project];
export const segmentOf = (project: string, sync: string) => ["segments", project, "of", sync];

/** A few segments: those of some syncs, or the first. */
export function useFewSegments(project: string, limit: number, sync?: string[]) {
  const params = { path: { project }, query: { limit, sync } };
  return useQuery({
    queryKey: [...segmentsOf(project), "few", limit, sync],
    enabled: sync === undefined || sync.length > 0,
    refetchInterval: 15_000,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/segments", { params })),
  });
}

/** How all accounts of all projects do, one row each. */
export function useFigures() {
  return useQuery({
    queryKey: ["figures"],
    refetchInterval: 30_000,
    queryFn: () => answer(api.GET("/api/v1/figures")),
  });
}

/** The syncs of the project with their segments and last runs, page by page. */
export function useSegments(project: string) {
  return useInfiniteQuery({
    queryKey: [...segmentsOf(project), "all", "pages"],
    initialPageParam: null as string | null,
    refetchInterval: 30_000,
    queryFn: ({ pageParam: cursor }) => {
      const params = { path: { project }, query: { cursor, limit: 50 } };
      return answer(api.GET("/api/v1/projects/{project}/segments", { params }));
    },
    getNextPageParam: (page) => page.next,
  });
}

export const incidentsOf = (project: string) => ["incidents", project];

/** What is wrong in the project now; the server looks twice a minute. */
export function useIncidents(project: string) {
  const path = { project };
  return useQuery({
    queryKey: incidentsOf(project),
    refetchInterval: 30_000,
    queryFn: () =>
      everything((cursor) =>
        answer(api.GET("/api/v1/projects/{project}/incidents", { params: { path, query: { open: true, cursor, limit: 200 } } })),
      ),
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
