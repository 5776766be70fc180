/** The segments of the project, the largest first. */
import { IconUsersGroup } from "@tabler/icons-react";
import { useProject } from "../../api/session";
import { places } from "../../labels";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { useSegments } from "../syncs/queries";
import { SyncTable } from "../syncs/SyncTable";

export function Component() {
  const project = useProject();
  return (
    <Page title={places.segments} about="What each holds at the platform, as far as its answers say; the largest first.">
      <Asked of={useSegments(project)}>
        {({ items }) =>
          items.length ? (
            <SyncTable segments={items.toSorted((one, other) => other.holds - one.holds)} project={project} />
          ) : (
            <Empty icon={IconUsersGroup} title="No segment yet">
              The first sync of a cohort makes one.
            </Empty>
          )
        }
      </Asked>
    </Page>
  );
}
