/** Figures as bars, small and without a library; a table for those who cannot see them. */
import { Group, Text, VisuallyHidden } from "@mantine/core";
import classes from "./Bars.module.css";
import { count } from "./figures";

export interface Bar {
  id: string;
  label: string;
  value: number;
  /** What goes down from the line. */
  below?: number;
}

const HEIGHT = 100;
const GAP = 0.15;

/** Pixels: of a bar, and of all where there are few. */
const WIDEST = 64;
const LEAST = 256;

/** `names` says what goes up from the line and what goes down, where there are both. */
export function Bars({ title, bars, names }: { title: string; bars: Bar[]; names?: [string, string] }) {
  const most = Math.max(1, ...bars.map((bar) => bar.value));
  const least = Math.max(0, ...bars.map((bar) => bar.below ?? 0));
  const line = (HEIGHT * most) / (most + least);
  const tall = (value: number) => (line * value) / most;
  return (
    <figure className={classes.figure} aria-label={title} style={{ maxWidth: Math.max(LEAST, WIDEST * bars.length) }}>
      <Text size="xs" c="dimmed" className="figure">
        {count(most)}
      </Text>
      <svg
        className={classes.plot}
        viewBox={`0 0 ${Math.max(bars.length, LEAST / WIDEST)} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {bars.map((bar, place) => (
          <g key={bar.id} className={classes.pair}>
            <title>{[bar.label, ...told(bar, names)].join(", ")}</title>
            <rect className={classes.reach} x={place} width={1} y={0} height={HEIGHT} />
            <rect
              className={classes.bar}
              x={place + GAP / 2}
              width={1 - GAP}
              y={line - tall(bar.value)}
              height={tall(bar.value)}
            />
            <rect className={classes.below} x={place + GAP / 2} width={1 - GAP} y={line} height={tall(bar.below ?? 0)} />
          </g>
        ))}
        {least > 0 && <line className={classes.line} x1={0} x2={bars.length} y1={line} y2={line} />}
      </svg>
      {least > 0 && (
        <Text size="xs" c="dimmed" className="figure">
          {count(least)}
        </Text>
      )}
      <div className={classes.ends}>
        <Text size="xs" c="dimmed">
          {bars[0]?.label}
        </Text>
        {bars.length > 1 && (
          <Text size="xs" c="dimmed">
            {bars[bars.length - 1]?.label}
          </Text>
        )}
      </div>
      {names && <Names names={names} />}
      <VisuallyHidden>
        <table>
          <caption>{title}</caption>
          {names && (
            <thead>
              <tr>
                <td />
                <th scope="col">{names[0]}</th>
                <th scope="col">{names[1]}</th>
              </tr>
            </thead>
          )}
          <tbody>
            {bars.map((bar) => (
              <tr key={bar.id}>
                <th scope="row">{bar.label}</th>
                <td>{count(bar.value)}</td>
                {names && <td>{count(bar.below ?? 0)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </VisuallyHidden>
    </figure>
  );
}

function told(bar: Bar, names?: [string, string]): string[] {
  if (!names) return [count(bar.value)];
  return [`${names[0].toLowerCase()} ${count(bar.value)}`, `${names[1].toLowerCase()} ${count(bar.below ?? 0)}`];
}

/** Which colour is which; each also stands on its own side of the line. */
function Names({ names }: { names: [string, string] }) {
  return (
    <Group gap="md" mt={4} aria-hidden>
      {names.map((name, side) => (
        <Group key={name} gap={6}>
          <span className={side ? classes.keyBelow : classes.key} />
          <Text size="xs" c="dimmed">
            {name}
          </Text>
        </Group>
      ))}
    </Group>
  );
}
