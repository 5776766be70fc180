/** What the pages of cohorts ask the API. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { answer, api, type Shape } from "../../api/client";
import type { Document } from "./rule";

export type Cohort = Shape<"DefinedView">;
export type Size = Shape<"RuleSizeView">;

export const cohortsOf = (project: string) => ["cohorts", project];

/** Those whose name or id has `find` in it, page by page. */
export function useCohorts(project: string, find: string) {
  return useInfiniteQuery({
    queryKey: [...cohortsOf(project), "list", find],
    placeholderData: keepPreviousData,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      answer(
        api.GET("/api/v1/projects/{project}/cohorts", {
          params: { path: { project }, query: { find, limit: 50, cursor: pageParam } },
        }),
      ),
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export function useCohort(project: string, cohort: string) {
  return useQuery({
    queryKey: [...cohortsOf(project), cohort],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/cohorts/{cohort}", { params: { path: { project, cohort } } })),
    enabled: cohort !== "",
  });
}

/** The segments that are kept equal to a cohort. */
export function useKept(project: string, cohort: string) {
  const params = { path: { project }, query: { cohort, limit: 200 } };
  return useQuery({
    queryKey: ["segments", project, "cohort", cohort],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/segments", { params })),
  });
}

/** The files of lists that were sent, looked at again while one of them waits to be read. */
export function useSentLists(project: string, enabled: boolean) {
  const params = { path: { project }, query: { kind: "list" as const, limit: 50 } };
  return useQuery({
    queryKey: ["uploads", project, "lists"],
    enabled,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/uploads", { params })),
    refetchInterval: ({ state }) => (state.data?.items.some((each) => !each.finished_at) ? 1_000 : false),
  });
}

/** What the events of the project name. */
export function useWords(project: string) {
  return useQuery({
    queryKey: ["words", project],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/events/words", { params: { path: { project } } })),
    staleTime: 300_000,
  });
}

/** This window, among all in which somebody writes: a newer edit in it ends what an older one asked. */
const EDITOR = crypto.randomUUID();
let edits = 0;

/** The size of a rule and of each of its parts, while it is written; the answer before stays until the next is there. */
export function useSizes(project: string, look: { cohort?: string; who?: Document }, enabled: boolean) {
  return useQuery({
    queryKey: ["sizes", project, look.cohort ?? "", JSON.stringify(look.who ?? null)],
    enabled,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    queryFn: ({ signal }) => {
      edits += 1;
      const body = { cohort: look.cohort ?? null, who: look.who ?? null, editor: EDITOR, edit: edits };
      return answer(api.POST("/api/v1/projects/{project}/previews/sizes", { params: { path: { project } }, body, signal }));
    },
  });
}
