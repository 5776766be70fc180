/** What only some may see; the others are told which role it takes. */
import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { type Role, useMay } from "../api/session";
import { Empty } from "./States";

export function OnlyFor({ needs, children }: { needs: Role; children: ReactNode }) {
  const { may, why } = useMay(needs);
  if (may) return <>{children}</>;
  return (
    <Empty icon={IconLock} title="Not open to you">
      {why}
    </Empty>
  );
}
