/** Figures and instants as people read them. */
const WHOLE = new Intl.NumberFormat("en");
const SHARE = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const BYTES = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SIGNED = new Intl.NumberFormat("en", { signDisplay: "exceptZero" });
const POINTS = new Intl.NumberFormat("en", { maximumFractionDigits: 1, signDisplay: "exceptZero" });
const AMOUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const SMALL = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", hour12: false });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** 12,345; a dash for what is not known. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : WHOLE.format(value);
}

/** +12, −3, 0. */
export function signed(value: number): string {
  return SIGNED.format(value).replace("-", "−");
}

/** 0.1234 as 12.3%. */
export function share(value: number): string {
  return SHARE.format(value);
}

/** The difference of two shares, 0.042 as +4.2. */
export function points(value: number): string {
  return POINTS.format(value * 100).replace("-", "−");
}

/** 12.3456 as 12.35, 0.001234 as 0.0012. */
export function amount(value: number): string {
  return (Math.abs(value) < 0.1 ? SMALL : AMOUNT).format(value).replace("-", "−");
}

/** The difference of two amounts: +12.35, −0.5, 0. */
export function more(value: number): string {
  return `${value > 0 ? "+" : ""}${amount(value)}`;
}

/** "1 person", "12 people". */
export function many(value: number, one: string, more: string): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}

/** An instant in the reader's own zone. */
export function moment(text: string | null | undefined): string {
  return text ? MOMENT.format(new Date(text)) : "–";
}

/** "3 hours ago", "in 2 days". */
export function ago(text: string, now: number = Date.now()): string {
  const seconds = (new Date(text).getTime() - now) / 1000;
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ];
  const [unit, length] = units.find(([, long]) => Math.abs(seconds) >= long) ?? ["second", 1];
  return RELATIVE.format(Math.round(seconds / length), unit);
}

/** "40 seconds", "12 minutes", "3 hours". */
export function span(seconds: number): string {
  if (seconds < 90) return many(Math.max(1, Math.ceil(seconds)), "second", "seconds");
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} minutes` : many(Math.round(minutes / 60), "hour", "hours");
}

/** 3,400,000 as 3.4 MB. */
export function bytes(value: number): string {
  return value < 1e6 ? `${count(Math.ceil(value / 1e3))} kB` : `${BYTES.format(value / 1e6)} MB`;
}
