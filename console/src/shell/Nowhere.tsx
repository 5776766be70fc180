/** An address that leads nowhere. */
import { Anchor } from "@mantine/core";
import { IconCompass } from "@tabler/icons-react";
import { Link } from "react-router";
import { Page } from "../parts/Page";
import { Empty } from "../parts/States";

export function Nowhere() {
  return (
    <Page title="Nothing here">
      <Empty icon={IconCompass} title="This address leads nowhere">
        It may be mistyped, or what it named was removed.{" "}
        <Anchor underline="always" component={Link} to="/">
          All projects
        </Anchor>
      </Empty>
    </Page>
  );
}
