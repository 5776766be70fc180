/** Figures as bars, small and without a library; a table for those who cannot see them. */
import { Text, VisuallyHidden } from "@mantine/core";
import classes from "./Bars.module.css";
import { count } from "./figures";

export interface Bar {
  label: string;
  value: number;
}

const HEIGHT = 100;
const GAP = 0.15;

/** Pixels: of a bar, and of all where there are few. */
const WIDEST = 64;
const LEAST = 256;

export function Bars({ title, bars }: { title: string; bars: Bar[] }) {
  const most = Math.max(1, ...bars.map((bar) => bar.value));
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
          <rect
            key={bar.label}
            className={classes.bar}
            x={place + GAP / 2}
            width={1 - GAP}
            y={HEIGHT * (1 - bar.value / most)}
            height={(HEIGHT * bar.value) / most}
          >
            <title>{`${bar.label}: ${count(bar.value)}`}</title>
          </rect>
        ))}
      </svg>
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
      <VisuallyHidden>
        <table>
          <caption>{title}</caption>
          <tbody>
            {bars.map((bar) => (
              <tr key={bar.label}>
                <th scope="row">{bar.label}</th>
                <td>{count(bar.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </VisuallyHidden>
    </figure>
  );
}
