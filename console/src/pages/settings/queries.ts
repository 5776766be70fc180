/** What the settings ask the API. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { answer, api, everything, type Shape } from "../../api/client";

export type Person = Shape<"Person">;
export type Token = Shape<"TokenView">;
export type Routes = Shape<"Routes">;
export type Contact = Shape<"ContactView">;

export const peopleOf = (project: string) => ["people", project];
export const contactsOf = (project: string) => ["contacts", project];
export const TOKENS = ["tokens"];

export function usePeople(project: string, may: boolean) {
  return useQuery({
    queryKey: peopleOf(project),
    enabled: may,
    queryFn: () =>
      everything((cursor) =>
        answer(api.GET("/api/v1/projects/{project}/people", { params: { path: { project }, query: { cursor, limit: 200 } } })),
      ),
  });
}

export function useContacts(project: string, may: boolean) {
  return useQuery({
    queryKey: contactsOf(project),
    enabled: may,
    queryFn: () =>
      everything((cursor) =>
        answer(api.GET("/api/v1/projects/{project}/contacts", { params: { path: { project }, query: { cursor, limit: 200 } } })),
      ),
  });
}

export function useTokens() {
  return useQuery({
    queryKey: TOKENS,
    queryFn: () => everything((cursor) => answer(api.GET("/api/v1/tokens", { params: { query: { cursor, limit: 200 } } }))),
  });
}

const PAGE = 50;

/** Who did what, the newest first, page by page. */
export function useTrail(project: string, may: boolean) {
  return useInfiniteQuery({
    queryKey: ["trail", project],
    enabled: may,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: cursor }) => {
      const params = { path: { project }, query: { cursor, limit: PAGE } };
      return answer(api.GET("/api/v1/projects/{project}/audit", { params }));
    },
    getNextPageParam: (page) => page.next,
  });
}
