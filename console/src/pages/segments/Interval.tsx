/** Where a difference lies: its interval on a line, beside the place of none. */

interface Props {
  low: number;
  high: number;
  at: number;
  said: (value: number) => string;
}

const WIDTH = 400;
const MARGIN = 28;
const MIDDLE = 14;

export function Interval({ low, high, at, said }: Props) {
  const from = Math.min(low, 0);
  const to = Math.max(high, 0);
  const place = (value: number) => MARGIN + ((WIDTH - 2 * MARGIN) * (value - from)) / (to - from || 1);
  return (
    <svg viewBox={`0 0 ${WIDTH} 48`} role="img" aria-label={`${said(at)}, from ${said(low)} to ${said(high)}; none is 0`}>
      <line x1={MARGIN} x2={WIDTH - MARGIN} y1={MIDDLE} y2={MIDDLE} stroke="var(--house-line)" strokeWidth={2} />
      <line x1={place(0)} x2={place(0)} y1={2} y2={26} stroke="var(--house-quiet)" strokeWidth={1.5} strokeDasharray="3 3" />
      <rect
        x={place(low)}
        width={Math.max(2, place(high) - place(low))}
        y={MIDDLE - 5}
        height={10}
        rx={5}
        fill="var(--mantine-color-sea-4)"
      />
      <circle cx={place(at)} cy={MIDDLE} r={6} fill="var(--mantine-color-text)" />
      <Label x={place(0)}>0</Label>
      {Math.abs(place(low) - place(0)) > 40 && <Label x={place(low)}>{said(low)}</Label>}
      {Math.abs(place(high) - place(0)) > 40 && <Label x={place(high)}>{said(high)}</Label>}
    </svg>
  );
}

function Label({ x, children }: { x: number; children: string }) {
  return (
    <text x={x} y={43} textAnchor="middle" fontSize={14} fill="var(--house-quiet)">
      {children}
    </text>
  );
}
