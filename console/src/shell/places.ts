/** The left navigation: the places of a project, in the order of the work. */
import { IconPlugConnected, type IconProps } from "@tabler/icons-react";
import type { ComponentType } from "react";
import { places } from "../labels";

export interface Place {
  label: string;
  path: string;
  icon: ComponentType<IconProps>;
}

/** `path` follows /projects/PROJECT/. */
export const PLACES: Place[] = [{ label: places.catalog, path: "catalog", icon: IconPlugConnected }];
