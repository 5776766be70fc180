/** What the pages of runs ask the API. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { answer, api, type Shape } from "../../api/client";
import { isUnderWay } from "./words";

export type Report = Shape<"ReportView">;
export type Tallies = Report["tallies"];

export const runOf = (project: string, run: string) => ["run", project, run];
export const runsOf = (project: string) => ["runs", project];

const SECOND = 1_000;

/** A run, asked again every second while something happens in it, and now and then while it waits for somebody's word. */
export function useRun(project: string, run: string) {
  return useQuery({
    queryKey: runOf(project, run),
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/runs/{run}", { params: { path: { project, run } } })),
    refetchInterval: ({ state }) => pace(state.data?.run),
  });
}

function pace(run?: Report["run"]): number | false {
  if (!run || run.state === "closed") return false;
  return isUnderWay(run) ? SECOND : 2 * SECOND;
}

/** The runs of a project or of one sync, page by page; looked at again while one of them is under way. */
export function useRuns(project: string, sync: string | null) {
  return useInfiniteQuery({
    queryKey: [...runsOf(project), sync],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: cursor }) => {
      const params = { path: { project }, query: { sync, cursor, limit: 50 } };
      return answer(api.GET("/api/v1/projects/{project}/runs", { params }));
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.items.some(isUnderWay)) ? 2 * SECOND : false),
  });
}

export function useBatches(project: string, run: string, wanted: boolean) {
  return useInfiniteQuery({
    queryKey: ["batches", project, run],
    enabled: wanted,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: cursor }) => {
      const params = { path: { project, run }, query: { cursor, limit: 50 } };
      return answer(api.GET("/api/v1/projects/{project}/runs/{run}/batches", { params }));
    },
    getNextPageParam: (page) => page.next,
  });
}

export function useRefusals(project: string, run: string, wanted: boolean) {
  const params = { path: { project, run } };
  return useQuery({
    queryKey: ["refusals", project, run],
    enabled: wanted,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/runs/{run}/refusals", { params })),
  });
}
