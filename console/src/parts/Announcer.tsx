/** What changes without anybody having gone there, said aloud to those who do not see it: one place for the whole console. */
import { VisuallyHidden } from "@mantine/core";
import { useEffect, useSyncExternalStore } from "react";

let said = "";
const hearers = new Set<() => void>();

/** Says a text as soon as it is another; nothing while there is none. */
export function useAnnounced(text: string | null | undefined) {
  useEffect(() => {
    if (!text) return;
    said = text;
    for (const hear of hearers) hear();
  }, [text]);
}

export function Announcer() {
  return <VisuallyHidden aria-live="polite">{useSyncExternalStore(listen, () => said)}</VisuallyHidden>;
}

function listen(hear: () => void) {
  hearers.add(hear);
  return () => void hearers.delete(hear);
}
