/** Every address of the console. A page is loaded when somebody goes there. */
import type { RouteObject } from "react-router";
import { Broken } from "./shell/Broken";
import { Nowhere } from "./shell/Nowhere";
import { Shell } from "./shell/Shell";

export const routes: RouteObject[] = [
  {
    errorElement: <Broken />,
    HydrateFallback: () => null,
    children: [
      { path: "/sign-in", lazy: () => import("./pages/entry/SignIn") },
      { path: "/set-up", lazy: () => import("./pages/entry/SetUp") },
      { path: "/welcome", lazy: () => import("./pages/entry/Welcome") },
      {
        path: "/",
        Component: Shell,
        children: [
          {
            errorElement: <Broken />,
            children: [
              { index: true, lazy: () => import("./pages/projects/Projects") },
              {
                path: "projects/:project",
                children: [
                  { index: true, lazy: () => import("./pages/projects/Begin") },
                  { path: "catalog", lazy: () => import("./pages/destinations/Catalog") },
                  { path: "catalog/destinations", lazy: () => import("./pages/destinations/Catalog") },
                  { path: "catalog/destinations/:kind", lazy: () => import("./pages/destinations/Destination") },
                  { path: "catalog/destinations/:kind/new", lazy: () => import("./pages/destinations/Account") },
                  { path: "catalog/destinations/:kind/:connection", lazy: () => import("./pages/destinations/Account") },
                ],
              },
              { path: "*", Component: Nowhere },
            ],
          },
        ],
      },
    ],
  },
];
