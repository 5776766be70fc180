/** A button for those who may; others see it, cannot press it, and are told why. */
import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { type Role, useMay } from "../api/session";

interface Props extends ButtonProps {
  needs: Role;
  children: ReactNode;
  onClick?: () => void;
  /** An address to go to instead of something to do. */
  to?: string;
  type?: "button" | "submit";
}

export function MayButton({ needs, to, children, disabled, ...rest }: Props) {
  const { may, why } = useMay(needs);
  if (!may) {
    return (
      <Tooltip label={why} multiline maw={280} events={{ hover: true, focus: true, touch: true }}>
        <Button
          {...rest}
          data-disabled
          aria-disabled
          aria-description={why}
          onClick={(event) => event.preventDefault()}
          type="button"
        >
          {children}
        </Button>
      </Tooltip>
    );
  }
  if (to && !disabled) {
    return (
      <Button {...rest} component={Link} to={to}>
        {children}
      </Button>
    );
  }
  return (
    <Button {...rest} disabled={disabled}>
      {children}
    </Button>
  );
}
