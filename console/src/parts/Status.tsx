/** A state as a word with a colour and a sign; never by colour alone. */
import { Badge } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleX,
  IconClock,
  IconLoader,
  IconMinus,
  IconPlayerPause,
} from "@tabler/icons-react";

const TONES = {
  good: { color: "teal", Icon: IconCircleCheck },
  busy: { color: "blue", Icon: IconLoader },
  waiting: { color: "gray", Icon: IconClock },
  warning: { color: "yellow", Icon: IconAlertTriangle },
  paused: { color: "gray", Icon: IconPlayerPause },
  bad: { color: "red", Icon: IconCircleX },
  none: { color: "gray", Icon: IconMinus },
} as const;

export type Tone = keyof typeof TONES;

export function Status({ tone, children }: { tone: Tone; children: string }) {
  const { color, Icon } = TONES[tone];
  return (
    <Badge color={color} leftSection={<Icon size={13} aria-hidden />} className="status">
      {children}
    </Badge>
  );
}
