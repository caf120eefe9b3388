/** Lines over time, drawn as SVG. Each line's last value is told in words beside its name, so that colour is not all there is. */
import { useId } from "react";
import { place, spanText } from "../history/timeline.ts";
import type { Point } from "./series.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
}

interface ChartProps {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly valueText: (value: number) => string;
  /** The time at its left end is so long before the newest point. */
  readonly spanMs: number;
}

const [width, height] = [480, 120];

export function Chart({ title, lines, valueText, spanMs }: ChartProps) {
  const titleId = useId();
  const points = lines.flatMap((line) => line.points);
  const toMs = Math.max(0, ...points.map(({ atMs }) => atMs));
  const top = ceilingOf(Math.max(0, ...points.map(({ value = 0 }) => value)));
  const span = { fromMs: toMs - spanMs, toMs };
  return (
    <section className="chart" aria-labelledby={titleId}>
      <h2 id={titleId}>{title}</h2>
      <p className="legend">
        {lines.map(({ name, points: own }, index) => {
          const last = own.at(-1)?.value;
          return (
            <span key={name} className={`line-${index}`}>
              {name} <b>{last === undefined ? "–" : valueText(last)}</b>
            </span>
          );
        })}
      </p>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {[0.25, 0.5, 0.75].map((share) => (
          <line key={share} x1={0} x2={width} y1={height * share} y2={height * share} className="grid" />
        ))}
        {lines.map(({ name, points: own }, index) => (
          <path
            key={name}
            className={`line-${index}`}
            vectorEffect="non-scaling-stroke"
            d={pathOf(
              own,
              (at) => place(span, at) * width,
              (value) => height - (value / top) * (height - 4) - 2,
            )}
          />
        ))}
      </svg>
      <p className="scale faint">
        <span>{spanText(spanMs)} ago</span>
        <span>at the top {valueText(top)}</span>
        <span>now</span>
      </p>
    </section>
  );
}

/** A gap where there is nothing to say. */
export function pathOf(points: readonly Point[], x: (atMs: number) => number, y: (value: number) => number): string {
  let isDrawing = false;
  return points
    .map(({ atMs, value }) => {
      const verb = value === undefined ? undefined : isDrawing ? "L" : "M";
      isDrawing = value !== undefined;
      return verb === undefined ? "" : `${verb}${x(atMs).toFixed(1)} ${y(value!).toFixed(1)}`;
    })
    .join("");
}

/** The next of 1, 2, 5, 10, … that is not below it, so that the scale does not jump at each point. */
function ceilingOf(value: number): number {
  if (value <= 0) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * magnitude).find((step) => step >= value) ?? value;
}
