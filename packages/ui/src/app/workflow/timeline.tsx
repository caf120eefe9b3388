/** Groups of events as bars on one time axis, which is zoomed by buttons, by the wheel with Ctrl held, or by drawing over a part of it. */
import { type PointerEvent, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type { PendingActivity } from "../api/workflows.ts";
import type { Group } from "../history/groups.ts";
import { type Span, ticks, zoomed } from "../history/timeline.ts";
import { Rows } from "../parts/rows.tsx";
import { GroupRow } from "./group-row.tsx";
import type { LiveHistory } from "./live-history.ts";

export interface HistoryProps {
  readonly history: LiveHistory;
  readonly isOpen: boolean;
  readonly nowMs: number;
  /** What the history does not say yet of activities that have not ended: their attempts. */
  readonly pending: readonly PendingActivity[];
}

interface TimelineProps extends HistoryProps {
  readonly shown: readonly Group[];
  readonly isSearching: boolean;
  /** Further controls. */
  readonly children?: ReactNode;
}

const ticksMax = 6;
const wheelStep = 1.25;

export function Timeline({ history, isOpen, nowMs, pending, shown, isSearching, children }: TimelineProps) {
  const [zoom, setZoom] = useState<Span | undefined>();
  const startMs = history.groups[0]?.startMs ?? 0;
  const whole = { fromMs: startMs, toMs: Math.max(isOpen ? nowMs : history.lastMs, startMs + 1) };
  const span = zoom ?? whole;
  const byActivity = useMemo(() => new Map(pending.map((each) => [each.activityId, each])), [pending]);
  const show = (next: Span) => setZoom(next.fromMs <= whole.fromMs && next.toMs >= whole.toMs ? undefined : next);
  const scale = (factor: number, around?: number) => show(zoomed(span, factor, whole, around));
  const axis = useWheel((around, isCloser) => scale(isCloser ? 1 / wheelStep : wheelStep, around));
  if (history.groups.length === 0) return <p className="faint">Reading the history…</p>;
  return (
    <div ref={axis}>
      <Controls span={span} whole={whole} isZoomed={zoom !== undefined} onScale={scale} onShow={show}>
        {children}
      </Controls>
      <Axis span={span} originMs={startMs} onShow={show} />
      {isSearching && shown.length === 0 ? (
        <p className="faint">Searching…</p>
      ) : (
        <Rows count={shown.length} keyOf={(i) => shown[i]!.id} label="Timeline">
          {(i) => (
            <GroupRow
              group={shown[i]!}
              {...{ span, byActivity, isRunOpen: isOpen, nowMs: isOpen ? nowMs : history.lastMs }}
            />
          )}
        </Rows>
      )}
    </div>
  );
}

interface ControlsProps {
  readonly span: Span;
  readonly whole: Span;
  readonly isZoomed: boolean;
  readonly onScale: (factor: number) => void;
  readonly onShow: (span: Span) => void;
  readonly children: ReactNode;
}

function Controls({ span, whole, isZoomed, onScale, onShow, children }: ControlsProps) {
  const pan = (share: number) => {
    const byMs = Math.max(
      whole.fromMs - span.fromMs,
      Math.min(whole.toMs - span.toMs, (span.toMs - span.fromMs) * share),
    );
    onShow({ fromMs: span.fromMs + byMs, toMs: span.toMs + byMs });
  };
  return (
    <div className="axis-controls">
      <button type="button" onClick={() => onScale(0.5)} aria-label="Zoom in">
        +
      </button>
      <button type="button" onClick={() => onScale(2)} aria-label="Zoom out" disabled={!isZoomed}>
        −
      </button>
      <button type="button" onClick={() => pan(-0.5)} aria-label="Earlier" disabled={!isZoomed}>
        ←
      </button>
      <button type="button" onClick={() => pan(0.5)} aria-label="Later" disabled={!isZoomed}>
        →
      </button>
      <button type="button" onClick={() => onShow(whole)} disabled={!isZoomed}>
        All
      </button>
      {children}
    </div>
  );
}

interface AxisProps {
  readonly span: Span;
  readonly originMs: number;
  readonly onShow: (span: Span) => void;
}

/** Less than this was a click, and no part of the axis that was drawn over. */
const drawnShareMin = 0.01;

/** For the pointer alone: what it does the buttons do too. */
function Axis({ span, originMs, onShow }: AxisProps) {
  const [drawn, setDrawn] = useState<{ readonly from: number; readonly to: number } | undefined>();
  const [left, right] = drawn ? [Math.min(drawn.from, drawn.to), Math.max(drawn.from, drawn.to)] : [0, 0];
  const begin = (event: PointerEvent<HTMLElement>) => {
    const at = shareOf(event.currentTarget, event.clientX);
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrawn({ from: at, to: at });
  };
  const end = () => {
    setDrawn(undefined);
    const atMs = (share: number) => span.fromMs + (span.toMs - span.fromMs) * share;
    if (right - left >= drawnShareMin) onShow({ fromMs: atMs(left), toMs: atMs(right) });
  };
  return (
    <div className="axis" aria-hidden="true">
      <div
        className="lane"
        onPointerDown={begin}
        onPointerMove={(event) => drawn && setDrawn({ ...drawn, to: shareOf(event.currentTarget, event.clientX) })}
        onPointerUp={end}
        onPointerCancel={() => setDrawn(undefined)}
      >
        {ticks(span, originMs, ticksMax).map(({ at, label }) => (
          <span key={label} className="tick" style={{ left: `${(at * 100).toFixed(3)}%` }}>
            {label}
          </span>
        ))}
        {drawn && <span className="drawn" style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }} />}
      </div>
    </div>
  );
}

function shareOf(lane: HTMLElement, clientX: number): number {
  const { left, width } = lane.getBoundingClientRect();
  return Math.min(1, Math.max(0, (clientX - left) / Math.max(width, 1)));
}

/** React's own wheel events cannot keep the browser from zooming the page. */
function useWheel(onWheel: (around: number, isCloser: boolean) => void) {
  const element = useRef<HTMLDivElement>(null);
  const latest = useRef(onWheel);
  useEffect(() => {
    latest.current = onWheel;
  });
  useEffect(() => {
    const listen = (event: WheelEvent) => {
      const lane = element.current?.querySelector<HTMLElement>(".axis .lane");
      if (!event.ctrlKey || !lane) return;
      event.preventDefault();
      latest.current(shareOf(lane, event.clientX), event.deltaY < 0);
    };
    const on = element.current;
    on?.addEventListener("wheel", listen, { passive: false });
    return () => on?.removeEventListener("wheel", listen);
  });
  return element;
}
