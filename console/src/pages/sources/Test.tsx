/** Asks what is outside whether it is as the source says. */
import { Button, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { useProject } from "../../api/session";
import { Failure } from "../../parts/States";
import type { Source } from "./queries";

export function Test({ source }: { source: Source }) {
  const project = useProject();
  const path = { project, source: source.id };
  const test = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/projects/{project}/sources/{source}/test", { params: { path } })),
  });
  return (
    <>
      <Button variant="default" size="xs" loading={test.isPending} onClick={() => test.mutate()}>
        Test
      </Button>
      <Text size="sm" role="status" style={{ order: 9, flexBasis: test.data ? "100%" : undefined }}>
        {test.data?.sentence}
      </Text>
      {test.error && <Failure error={test.error} />}
    </>
  );
}
