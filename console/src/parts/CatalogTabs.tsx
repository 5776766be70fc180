/** The two sides of the catalog: where people and events come from, and where cohorts go. */
import { Tabs } from "@mantine/core";
import type { ReactNode } from "react";
import { useNavigate } from "react-router";
import { useProject } from "../api/session";
import { document as guide, places, words } from "../labels";
import { Page } from "./Page";

export function CatalogTabs({ here, about, children }: { here: "destinations" | "sources"; about: string; children: ReactNode }) {
  const project = useProject();
  const go = useNavigate();
  return (
    <Page title={places.catalog} about={about}>
      <Tabs value={here} onChange={(tab) => tab && go(`/projects/${project}/catalog/${tab}`)} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="destinations">{guide.destinations}</Tabs.Tab>
          <Tabs.Tab value="sources">{words.sources}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value={here} pt="lg">
          {children}
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
