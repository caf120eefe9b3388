/** Where things stand on a time axis. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A point of time as a share of the axis, 0 to 1; what is beyond the ends stands at them. */
export function place({ fromMs, toMs }: Span, atMs: number): number {
  if (toMs <= fromMs) return 0;
  return Math.min(1, Math.max(0, (atMs - fromMs) / (toMs - fromMs)));
}

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const stepsMs = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * secondMs),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minuteMs),
  ...[1, 2, 3, 6, 12].map((n) => n * hourMs),
  ...[1, 2, 7, 14, 30, 90, 365, 3_650].map((n) => n * dayMs),
];

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** At most `ticksMax` round times since the beginning of the run, for the part of the axis that is shown. */
export function ticks(span: Span, originMs: number, ticksMax: number): Tick[] {
  const lengthMs = Math.max(span.toMs - span.fromMs, 1);
  const stepMs = stepsMs.find((step) => lengthMs / step <= ticksMax) ?? stepsMs.at(-1)!;
  const found: Tick[] = [];
  const first = Math.ceil((span.fromMs - originMs) / stepMs) * stepMs;
  for (let sinceMs = first; sinceMs <= span.toMs - originMs && found.length <= ticksMax; sinceMs += stepMs)
    found.push({ at: place(span, originMs + sinceMs), label: spanText(sinceMs) });
  return found;
}

/** Around a point of the axis, its middle if none is given; a factor below 1 shows less. Never beyond `whole`. */
export function zoomed(span: Span, factor: number, whole: Span, around = 0.5): Span {
  const lengthMs = span.toMs - span.fromMs;
  const centreMs = span.fromMs + lengthMs * around;
  const shownMs = Math.max(lengthMs * factor, 1);
  return {
    fromMs: Math.max(whole.fromMs, centreMs - shownMs * around),
    toMs: Math.min(whole.toMs, centreMs + shownMs * (1 - around)),
  };
}

/** The two largest units: `1m 5s`, `3d 4h`, `250ms`. */
export function spanText(ms: number): string {
  if (ms < 0) return `−${spanText(-ms)}`;
  if (ms < secondMs) return `${Math.round(ms)}ms`;
  if (ms < 10 * secondMs && ms % secondMs !== 0) return `${(ms / secondMs).toFixed(1)}s`;
  const parts = [
    [Math.floor(ms / dayMs), "d"],
    [Math.floor((ms % dayMs) / hourMs), "h"],
    [Math.floor((ms % hourMs) / minuteMs), "m"],
    [Math.floor((ms % minuteMs) / secondMs), "s"],
  ] as const;
  const start = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(start, start + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ");
}
