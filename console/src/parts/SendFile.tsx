/** A file that is sent to be taken in: chosen, followed while the worker reads it, and what came of it. */
import { Button, FileButton, Group, Progress, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { answer, api, type Shape } from "../api/client";
import { useMay, useProject } from "../api/session";
import { count, many } from "./figures";
import { Failure } from "./States";
import { Status } from "./Status";

export type Upload = Shape<"UploadView">;

interface Props {
  accept: string;
  send: (file: File) => Promise<Upload>;
  /** Once, when the file was taken in. */
  onDone?: (upload: Upload) => void;
  /** What stands below the account of a file that was taken in. */
  then?: (upload: Upload) => ReactNode;
}

export function SendFile({ accept, send, onDone, then }: Props) {
  const { may, why } = useMay("manager");
  const bring = useMutation({ mutationFn: send });
  return (
    <Stack gap="sm" align="flex-start" w="100%">
      {bring.error && <Failure error={bring.error} />}
      {bring.data && <Brought key={bring.data.id} sent={bring.data} onDone={onDone} then={then} />}
      <FileButton onChange={(file) => file && bring.mutate(file)} accept={accept}>
        {(props) => (
          <Button {...props} variant="default" loading={bring.isPending} disabled={!may} title={why}>
            {bring.data ? "Choose another file" : "Choose a file"}
          </Button>
        )}
      </FileButton>
    </Stack>
  );
}

/** A name that the API takes, with the file's own ending. */
export function plainName(file: File, otherwise: string): string {
  return (
    file.name
      .replace(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(-100) || otherwise
  );
}

/** What makes a file the body of a request as it is. */
export const asItIs = (file: File) => ({
  body: file as never,
  bodySerializer: (body: unknown) => body as File,
  headers: { "Content-Type": "application/octet-stream" },
});

function Brought({ sent, onDone, then }: { sent: Upload } & Pick<Props, "onDone" | "then">) {
  const project = useProject();
  const path = { project, upload: sent.id };
  const upload = useQuery({
    queryKey: ["upload", project, sent.id],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}/uploads/{upload}", { params: { path } })),
    refetchInterval: (query) => (query.state.data?.finished_at ? false : 500),
  });
  const found = upload.data ?? sent;
  const done = found.state === "done";
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once, when it is done
  useEffect(() => {
    if (done) onDone?.(found);
  }, [done]);
  if (upload.error) return <Failure error={upload.error} />;
  if (found.state === "refused") return <Failure error={new Error(found.message)} />;
  if (!done) {
    return (
      <Stack gap={4} w="100%">
        <Progress value={(100 * found.read) / Math.max(1, found.bytes)} animated aria-label="How much of the file is read" />
        <Text size="sm" c="dimmed">
          {found.read ? `${count(Math.round((100 * found.read) / Math.max(1, found.bytes)))}% read` : "Waiting for its turn"}
        </Text>
      </Stack>
    );
  }
  return (
    <Stack gap="xs" role="status">
      <CameOf upload={found} />
      {then?.(found)}
    </Stack>
  );
}

/** What a file brought, and what of it was left out and why. */
export function CameOf({ upload }: { upload: Upload }) {
  const { counts, rejects, kind } = upload;
  const brought =
    kind === "list"
      ? `${many(counts.added ?? 0, "row", "rows")} added, ${count(counts.removed ?? 0)} removed, ${count(counts.kept ?? 0)} kept`
      : many(counts.events_new ?? 0, "event", "events");
  return (
    <Group gap="xs">
      <Status tone="good">{brought}</Status>
      {counts.duplicates ? <Status tone="none">{`${count(counts.duplicates)} known before`}</Status> : null}
      {counts.imported_before ? <Status tone="none">This file was taken in before</Status> : null}
      {Object.entries(rejects).map(([reason, lines]) => (
        <Status key={reason} tone="warning">{`${many(lines, "line", "lines")}: ${reason}`}</Status>
      ))}
    </Group>
  );
}
