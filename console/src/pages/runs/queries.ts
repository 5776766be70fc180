/** What the pages of runs ask the API. */
import { useDocumentVisibility } from "@mantine/hooks";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { answer, api, type Shape } from "../../api/client";
import { isUnderWay } from "./words";

export type Report = Shape<"ReportView">;
export type Tallies = Report["tallies"];

export const runOf = (project: string, run: string) => ["run", project, run];
export const runsOf = (project: string) => ["runs", project];

const SECOND = 1_000;

/** A run, followed by the server's events while something happens in it, and asked again now and then where they do not come. */
export function useRun(project: string, run: string) {
  const report = useQuery({
    queryKey: runOf(project, run),
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/runs/{run}", { params: { path: { project, run } } })),
    refetchInterval: ({ state }) => pace(state.data?.run),
  });
  useProgress(project, run, report.data !== undefined && isUnderWay(report.data.run));
  return report;
}

function pace(run?: Report["run"]): number | false {
  if (!run || run.state === "closed") return false;
  return isUnderWay(run) ? 5 * SECOND : 2 * SECOND;
}

/** Lays each event of a run that is under way into its report; asks for all of it when the run came to its next phase. */
function useProgress(project: string, run: string, wanted: boolean) {
  const client = useQueryClient();
  const seen = useDocumentVisibility() === "visible";
  useEffect(() => {
    if (!wanted || !seen) return;
    const queryKey = runOf(project, run);
    const events = new EventSource(`/api/v1/projects/${encodeURIComponent(project)}/runs/${encodeURIComponent(run)}/progress`);
    events.addEventListener("run", ({ data }) => {
      const told = JSON.parse(data) as Pick<Report, "run" | "account">;
      const before = client.getQueryData<Report>(queryKey);
      if (before && before.run.state === told.run.state) client.setQueryData<Report>(queryKey, { ...before, ...told });
      else void client.invalidateQueries({ queryKey });
    });
    return () => events.close();
  }, [client, project, run, wanted, seen]);
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
