/** What the cohorts, accounts and syncs of a project are called: lists hold ids, people read names. */
import { useQuery } from "@tanstack/react-query";
import { answer, api, type Shape } from "./client";

type Found = Shape<"NamesView">;

export const NAMES = ["names"];

export interface Names {
  cohort: (id: string) => string;
  account: (id: string) => string;
  /** What a sync keeps equal to what; "Hat lovers to Main account". */
  sync: (id: string) => string;
  /** What an incident is about, where that is a sync. */
  segment: (id: string) => string | undefined;
}

function useFound<Data>(project: string, select: (found: Found) => Data) {
  return useQuery({
    queryKey: [...NAMES, project],
    enabled: project !== "",
    staleTime: 30_000,
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/names", { params: { path: { project } } })),
    select,
  });
}

/** An id stands for itself until the names are there, and where what it named has gone. */
export function useNames(project: string): Names {
  return useFound(project, named).data ?? NONE;
}

/** Every cohort, for choosing one. */
export function useCohortNames(project: string) {
  return useFound(project, options);
}

function options(found: Found) {
  return found.cohorts.map(({ id, name }) => ({ value: id, label: name }));
}

function named(found: Found): Names {
  const cohorts = new Map(found.cohorts.map(({ id, name }) => [id, name]));
  const accounts = new Map(found.connections.map(({ id, name }) => [id, name]));
  const syncs = new Map(found.syncs.map((each) => [each.id, each]));
  const cohort = (id: string) => cohorts.get(id) ?? id;
  const account = (id: string) => accounts.get(id) ?? id;
  const sync = (id: string) => {
    const known = syncs.get(id);
    return known ? `${cohort(known.cohort)} to ${account(known.connection)}` : id;
  };
  return { cohort, account, sync, segment: (id) => syncs.get(id)?.segment };
}

const NONE: Names = { cohort: (id) => id, account: (id) => id, sync: (id) => id, segment: () => undefined };
