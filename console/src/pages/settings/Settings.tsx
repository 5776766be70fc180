/** Settings of a project: its people, plan, events, those who said no, alerts, tokens and audit trail. */
import { Tabs } from "@mantine/core";
import { useNavigate, useParams } from "react-router";
import { useProject } from "../../api/session";
import { places } from "../../labels";
import { Page } from "../../parts/Page";
import { Alerts } from "./Alerts";
import { Imports } from "./Imports";
import { People } from "./People";
import { Plan } from "./Plan";
import { Privacy } from "./Privacy";
import { Tokens } from "./Tokens";
import { Trail } from "./Trail";

const TABS = [
  { key: "people", label: "People", Panel: People },
  { key: "plan", label: "Plan and destinations", Panel: Plan },
  { key: "events", label: "Events", Panel: Imports },
  { key: "privacy", label: "Privacy", Panel: Privacy },
  { key: "alerts", label: "Alerts", Panel: Alerts },
  { key: "tokens", label: "Tokens", Panel: Tokens },
  { key: "audit", label: "Audit trail", Panel: Trail },
];

export function Component() {
  const project = useProject();
  const { tab } = useParams();
  const go = useNavigate();
  const here = TABS.find((each) => each.key === tab) ?? TABS[0];
  return (
    <Page title={places.settings}>
      <Tabs value={here?.key} onChange={(key) => key && go(`/projects/${project}/settings/${key}`)} keepMounted={false}>
        <Tabs.List>
          {TABS.map(({ key, label }) => (
            <Tabs.Tab key={key} value={key}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map(({ key, Panel }) => (
          <Tabs.Panel key={key} value={key} pt="lg">
            <Panel project={project} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
