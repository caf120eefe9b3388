/** Lines over time. What they say is told in words above them, for the time under the pointer or else the newest, so that colour is not all there is. */
import { useEffect, useEffectEvent, useId, useRef, useState } from "react";
import type uPlot from "uplot";
import { theme } from "../shell/theme.ts";
import { alignedData, type Line } from "./aligned-data.ts";

interface ChartProps {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly valueText: (value: number) => string;
  /** The time at its left end is so long before the newest point. */
  readonly spanMs: number;
}

const heightPx = 170;

export function Chart({ title, lines, valueText, spanMs }: ChartProps) {
  const titleId = useId();
  const [pointed, setPointed] = useState<number | undefined>();
  const data = alignedData(lines, spanMs);
  const [times, ...values] = data;
  const at = pointed !== undefined && pointed < times.length ? pointed : times.length - 1;
  const atS = times[at];
  return (
    <section className="chart" aria-labelledby={titleId}>
      <h2 id={titleId}>{title}</h2>
      <p className="legend">
        {lines.map(({ name }, index) => {
          const value = values[index]?.[at];
          return (
            <span key={name} className={`line-${index}`}>
              {name} <b>{value === undefined || value === null ? "–" : valueText(value)}</b>
            </span>
          );
        })}
        <span className="faint at">{atS !== undefined && pointed !== undefined ? timeText(atS, seconds) : ""}</span>
      </p>
      <Plot {...{ data, valueText, spanMs }} onPoint={setPointed} />
    </section>
  );
}

interface PlotProps extends Pick<ChartProps, "valueText" | "spanMs"> {
  readonly data: uPlot.AlignedData;
  /** The index of the point under the pointer. */
  readonly onPoint: (index: number | undefined) => void;
}

function Plot({ data, valueText, spanMs, onPoint }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const newestS = data[0].at(-1) ?? 0;
  const rangeOf = useEffectEvent((): [number, number] => [newestS - spanMs / 1_000, newestS]);
  const textOf = useEffectEvent(valueText);
  const point = useEffectEvent(onPoint);
  const seriesCount = data.length - 1;
  const [plot, setPlot] = useState<uPlot | undefined>();
  const [library, setLibrary] = useState<typeof uPlot | undefined>();
  useEffect(() => {
    // Loaded with the first chart. In a browser where it cannot run, the words above are all there is.
    void import("uplot").then(
      (module) => setLibrary(() => module.default),
      () => {},
    );
  }, []);
  useEffect(() => {
    if (library === undefined) return;
    const element = place.current!;
    const tone = (name: string) => () => toneOf(element, name);
    const axis = { stroke: tone("faint"), grid: { stroke: tone("grid"), width: 1 }, ticks: { show: false } };
    const chart = new library(
      {
        ...{ width: element.clientWidth || 1, height: heightPx, legend: { show: false } },
        scales: { x: { range: () => rangeOf() }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
        series: [
          {},
          ...Array.from({ length: seriesCount }, (_, index) => ({
            ...{ stroke: tone(`line-${index}`), width: 2, points: { show: false } },
          })),
        ],
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((tick) => timeText(tick, minutes)) },
          { ...axis, size: 76, values: (_, ticks) => withoutRepeats(ticks.map((tick) => textOf(tick))) },
        ],
        // All charts of a page point at the same time.
        cursor: { sync: { key: "cluster" }, drag: { x: false, y: false }, y: false },
        hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? undefined)] },
      },
      [[], ...Array.from({ length: seriesCount }, () => [])],
      element,
    );
    setPlot(chart);
    const sizes = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: heightPx }));
    sizes.observe(element);
    const redraw = () => requestAnimationFrame(() => chart.redraw(false));
    const leaveTheme = theme.subscribe(redraw);
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", redraw);
    return () => {
      sizes.disconnect();
      leaveTheme();
      system.removeEventListener("change", redraw);
      chart.destroy();
      setPlot(undefined);
    };
  }, [seriesCount, library]);
  useEffect(() => plot?.setData(data), [data, plot]);
  return (
    <div ref={place} className="plot" aria-hidden="true" data-points={data[0].length}>
      {["faint", "grid", ...Array.from({ length: seriesCount }, (_, index) => `line-${index}`)].map((name) => (
        <i key={name} className={`tone ${name}`} />
      ))}
    </div>
  );
}

const minutes = { hour: "numeric", minute: "2-digit" } as const;
const seconds = { ...minutes, second: "2-digit" } as const;

function timeText(atS: number, parts: Intl.DateTimeFormatOptions): string {
  return new Date(atS * 1_000).toLocaleTimeString(undefined, parts);
}

/** Ticks between whole numbers would be told as the same ones. */
function withoutRepeats(texts: readonly string[]): string[] {
  return texts.map((text, index) => (text === texts[index - 1] ? "" : text));
}

/** A canvas knows no style sheets: its colours are those of elements that nobody sees. */
function toneOf(element: HTMLElement, name: string): string {
  const probe = element.querySelector(`.tone.${name}`);
  return probe ? getComputedStyle(probe).color : "";
}
