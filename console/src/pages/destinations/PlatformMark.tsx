/** A neutral sign for the platform; its own mark is not ours to show. */
import { ThemeIcon } from "@mantine/core";
import { IconBroadcast } from "@tabler/icons-react";

export function PlatformMark({ size = 32 }: { size?: number }) {
  return (
    <ThemeIcon size={size} radius={8} variant="light" aria-hidden>
      <IconBroadcast size={size * 0.56} stroke={1.8} />
    </ThemeIcon>
  );
}
