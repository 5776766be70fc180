/** The left navigation: the places of a project, in the order of the work. */
import {
  IconHistory,
  IconLayoutDashboard,
  IconPlugConnected,
  type IconProps,
  IconRefresh,
  IconSettings,
  IconStack2,
  IconUsersGroup,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import { places } from "../labels";

export interface Place {
  label: string;
  path: string;
  icon: ComponentType<IconProps>;
}

/** The place that a project opens with. */
export const FIRST = "overview";

/** `path` follows /projects/PROJECT/. */
export const PLACES: Place[] = [
  { label: places.overview, path: "overview", icon: IconLayoutDashboard },
  { label: places.cohorts, path: "cohorts", icon: IconUsersGroup },
  { label: places.syncs, path: "syncs", icon: IconRefresh },
  { label: places.runs, path: "runs", icon: IconHistory },
  { label: places.segments, path: "segments", icon: IconStack2 },
  { label: places.catalog, path: "catalog", icon: IconPlugConnected },
  { label: places.settings, path: "settings", icon: IconSettings },
];
