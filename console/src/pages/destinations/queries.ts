/** What the pages of destinations ask the API. */
import { useQuery } from "@tanstack/react-query";
import { answer, api, everything, type Shape } from "../../api/client";

export type Tile = Shape<"TileView">;
export type Connection = Shape<"ConnectionView">;
export type Account = Shape<"Account">;

export const tilesOf = (project: string) => ["tiles", project];
export const connectionsOf = (project: string) => ["connections", project];

export function useTiles(project: string) {
  return useQuery({
    queryKey: tilesOf(project),
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/destinations", { params: { path: { project } } })),
  });
}

export function useConnections(project: string) {
  const path = { project };
  return useQuery({
    queryKey: connectionsOf(project),
    queryFn: () =>
      everything((cursor) =>
        answer(api.GET("/api/v1/projects/{project}/connections", { params: { path, query: { cursor, limit: 200 } } })),
      ),
  });
}
