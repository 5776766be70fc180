/** The segments of the project, the largest first. */
import { IconUsersGroup } from "@tabler/icons-react";
import { useProject } from "../../api/session";
import { places } from "../../labels";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Asked, Empty } from "../../parts/States";
import { type Segment, useSegments } from "../syncs/queries";
import { SyncTable } from "../syncs/SyncTable";

export function Component() {
  const project = useProject();
  const segments = useSegments(project);
  return (
    <Page title={places.segments} about="What each holds at the platform, as far as its answers say; the largest first.">
      <Asked of={segments}>
        {({ pages }) =>
          pages[0]?.items.length ? (
            <>
              <SyncTable segments={largestFirst(pages.flatMap((page) => page.items))} project={project} />
              <More of={segments} />
            </>
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

/** Of those that are shown. */
function largestFirst(segments: Segment[]): Segment[] {
  return segments.toSorted((one, other) => other.holds - one.holds);
}
