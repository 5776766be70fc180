/** Who is here, and what they may do in a project. */
import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { answer, api, everything, Problem, type Shape } from "./client";

export type Role = Shape<"Role">;

const RANKS: Role[] = ["viewer", "member", "manager", "admin"];

export const ME = ["session"];

const MINUTE = 60_000;

const me = queryOptions({ queryKey: ME, queryFn: whoIsHere, staleTime: MINUTE });

const projects = queryOptions({
  queryKey: ["projects"],
  queryFn: () => everything((cursor) => answer(api.GET("/api/v1/projects", { params: { query: { cursor, limit: 200 } } }))),
  staleTime: MINUTE,
});

/** Asks what every page needs while the script of the page is still on its way. */
export async function prepare(client: QueryClient) {
  await client.prefetchQuery(me);
  const here = client.getQueryData(me.queryKey);
  if (here && !here.second_factor.lacking) await client.prefetchQuery(projects);
}

/** The signed-in user. Throws Problem 401 where nobody is. */
export function useMe() {
  return useQuery(me);
}

/** Asks first whether anybody is here: a browser reports a refused request as a fault of the page. */
async function whoIsHere() {
  const { signed_in } = await answer(api.GET("/api/v1/setup"));
  if (!signed_in) throw new Problem(401, "Nobody here", "nobody is signed in here; sign in");
  return answer(api.GET("/api/v1/session"));
}

export function useProjects() {
  return useQuery(projects);
}

/** The project of the address. */
export function useProject(): string {
  const { project } = useParams();
  return project ?? "";
}

/** Whether the caller has at least this role in the project of the address; `why` is the sentence for those who have not. */
export function useMay(needed: Role): { may: boolean; why: string } {
  const project = useProject();
  const found = useProjects().data?.items.find((each) => each.id === project);
  const role = found?.role ?? null;
  const may = role !== null && RANKS.indexOf(role) >= RANKS.indexOf(needed);
  return { may, why: may ? "" : `This needs the role ${needed} in this project; yours is ${role ?? "none"}.` };
}

/** Forget all that was seen: somebody else may sit here next. */
export async function signOut(client: QueryClient): Promise<void> {
  await answer(api.DELETE("/api/v1/session"));
  client.clear();
}
