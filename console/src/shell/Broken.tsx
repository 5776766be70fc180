/** A page that could not be shown. */
import { Container } from "@mantine/core";
import { useRouteError } from "react-router";
import { Failure } from "../parts/States";

export function Broken() {
  const error = useRouteError();
  return (
    <Container size="sm" py="xl">
      <Failure error={error} again={() => window.location.reload()} />
    </Container>
  );
}
