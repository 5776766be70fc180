/** A file of events, and the form it must have. */
import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import { answer, api } from "../../api/client";
import { useProject } from "../../api/session";
import { asItIs, plainName, SendFile, type Upload } from "../../parts/SendFile";

export function SendEvents(props: { onDone?: (upload: Upload) => void; then?: (upload: Upload) => ReactNode }) {
  const project = useProject();
  const send = (file: File) => {
    const params = { path: { project }, query: { name: plainName(file, "events.csv") } };
    return answer(api.POST("/api/v1/projects/{project}/events/imports", { params, ...asItIs(file) }));
  };
  return (
    <>
      <Text size="sm">
        One row for each thing somebody did, with the columns <b>event_type</b>, <b>time</b> and <b>user_id</b> (or device_id).
        Further columns, named event.NAME and user.NAME, become properties. Exports of Amplitude (.zip, .json.gz), .ndjson and
        .parquet will do too.
      </Text>
      <SendFile accept=".csv,.parquet,.json,.ndjson,.gz,.zip" send={send} {...props} />
    </>
  );
}
