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
      { path: "/sign-in/code", lazy: () => import("./pages/entry/SecondStep") },
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
              { path: "account", lazy: () => import("./pages/account/Account") },
              {
                path: "projects/:project",
                children: [
                  { index: true, lazy: () => import("./pages/projects/Begin") },
                  { path: "overview", lazy: () => import("./pages/overview/Overview") },
                  { path: "cohorts/:cohort/sync", lazy: () => import("./pages/syncs/Wizard") },
                  { path: "syncs", lazy: () => import("./pages/syncs/Syncs") },
                  { path: "runs", lazy: () => import("./pages/runs/Runs") },
                  { path: "runs/:run", lazy: () => import("./pages/runs/Run") },
                  { path: "segments", lazy: () => import("./pages/segments/Segments") },
                  { path: "segments/:sync", lazy: () => import("./pages/segments/Segment") },
                  { path: "segments/:sync/lift", lazy: () => import("./pages/segments/Lift") },
                  { path: "cohorts", lazy: () => import("./pages/cohorts/Cohorts") },
                  { path: "cohorts/new", lazy: () => import("./pages/cohorts/Builder") },
                  { path: "cohorts/new/:kind", lazy: () => import("./pages/cohorts/Other") },
                  { path: "cohorts/:cohort", lazy: () => import("./pages/cohorts/Cohort") },
                  { path: "cohorts/:cohort/edit", lazy: () => import("./pages/cohorts/Builder") },
                  { path: "settings", lazy: () => import("./pages/settings/Settings") },
                  { path: "settings/:tab", lazy: () => import("./pages/settings/Settings") },
                  { path: "catalog", lazy: () => import("./pages/destinations/Catalog") },
                  { path: "catalog/destinations", lazy: () => import("./pages/destinations/Catalog") },
                  { path: "catalog/sources", lazy: () => import("./pages/sources/Sources") },
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
