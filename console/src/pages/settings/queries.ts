/** What the settings ask the API. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { answer, api, type Shape } from "../../api/client";

export type Person = Shape<"Person">;
export type Token = Shape<"TokenView">;
export type Contact = Shape<"ContactView">;

export const peopleOf = (project: string) => ["people", project];
export const contactsOf = (project: string) => ["contacts", project];
export const TOKENS = ["tokens"];

export function usePeople(project: string, may: boolean) {
  return useQuery({
    queryKey: peopleOf(project),
    enabled: may,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/people", { params: { path: { project } } })),
  });
}

export function useContacts(project: string, may: boolean) {
  return useQuery({
    queryKey: contactsOf(project),
    enabled: may,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/contacts", { params: { path: { project } } })),
  });
}

export function useTokens() {
  return useQuery({ queryKey: TOKENS, queryFn: () => answer(api.GET("/api/v1/tokens")) });
}

const PAGE = 50;

/** Who did what, the newest first, page by page. */
export function useTrail(project: string, may: boolean) {
  return useInfiniteQuery({
    queryKey: ["trail", project],
    enabled: may,
    initialPageParam: null as number | null,
    queryFn: ({ pageParam: before }) => {
      const params = { path: { project }, query: { before, limit: PAGE } };
      return answer(api.GET("/api/v1/projects/{project}/audit", { params }));
    },
    getNextPageParam: (page) => (page.length === PAGE ? (page[page.length - 1]?.number ?? null) : null),
  });
}
