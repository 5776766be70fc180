/** The syncs of the project: each keeps a segment equal to a cohort. */
import { Button } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { Link } from "react-router";
import { useProject } from "../../api/session";
import { places } from "../../labels";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { useSegments } from "./queries";
import { SyncTable } from "./SyncTable";

export function Component() {
  const project = useProject();
  return (
    <Page title={places.syncs} about="Each keeps a segment equal to a cohort, as often as you say.">
      <Asked of={useSegments(project)}>
        {({ items }) =>
          items.length ? (
            <SyncTable segments={items} project={project} />
          ) : (
            <Empty
              icon={IconRefresh}
              title="No cohort is synced yet"
              action={
                <Button component={Link} to={`/projects/${project}/cohorts`}>
                  Choose a cohort
                </Button>
              }
            >
              Open a cohort, click Sync, and choose an account and how often.
            </Empty>
          )
        }
      </Asked>
    </Page>
  );
}
