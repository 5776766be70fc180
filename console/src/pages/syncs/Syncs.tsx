/** The syncs of the project: each keeps a segment equal to a cohort. */
import { Button } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { Link } from "react-router";
import { useProject } from "../../api/session";
import { places } from "../../labels";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { useSegments } from "./queries";
import { SyncTable } from "./SyncTable";

export function Component() {
  const project = useProject();
  const segments = useSegments(project);
  return (
    <Page title={places.syncs} about="Each keeps a segment equal to a cohort, as often as you say.">
      <Asked of={segments}>
        {({ pages }) =>
          pages[0]?.items.length ? (
            <>
              <SyncTable segments={pages.flatMap((page) => page.items)} project={project} />
              <More of={segments} />
            </>
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
