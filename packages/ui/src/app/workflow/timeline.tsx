/** Groups of events as bars on one time axis. */
import { useDeferredValue, useMemo, useState } from "react";
import { shownPayload } from "../api/payload.ts";
import type { RunAddress } from "../api/workflows.ts";
import type { Group } from "../history/groups.ts";
import { eventHolds } from "../history/search.ts";
import { place, type Span, spanText, ticks, zoomed } from "../history/timeline.ts";
import { Rows } from "../parts/rows.tsx";
import { EventRow } from "./event-row.tsx";
import type { LiveHistory } from "./live-history.ts";

export interface HistoryProps {
  readonly history: LiveHistory;
  readonly isOpen: boolean;
  readonly nowMs: number;
  readonly address: RunAddress;
}

const ticksMax = 6;

export function Timeline({ history, isOpen, nowMs, text }: HistoryProps & { readonly text: string }) {
  const [zoom, setZoom] = useState<Span | undefined>();
  const [withTasks, setWithTasks] = useState(false);
  const startMs = history.groups[0]?.startMs ?? 0;
  const whole = { fromMs: startMs, toMs: Math.max(isOpen ? nowMs : history.lastMs, startMs + 1) };
  const span = zoom ?? whole;
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const shown = useMemo(
    () =>
      history.groups.filter(
        (group) => (withTasks || group.kind !== "task") && (wanted === "" || matches(group, wanted)),
      ),
    [history.groups, withTasks, wanted],
  );
  if (history.groups.length === 0) return <p className="faint">Reading the history…</p>;
  const scale = (factor: number) => {
    const next = zoomed(span, factor, whole);
    setZoom(next.fromMs === whole.fromMs && next.toMs === whole.toMs ? undefined : next);
  };
  const pan = (share: number) => {
    const byMs = Math.max(
      whole.fromMs - span.fromMs,
      Math.min(whole.toMs - span.toMs, (span.toMs - span.fromMs) * share),
    );
    setZoom({ fromMs: span.fromMs + byMs, toMs: span.toMs + byMs });
  };
  return (
    <>
      <div className="axis-controls">
        <button type="button" onClick={() => scale(0.5)} aria-label="Zoom in">
          +
        </button>
        <button type="button" onClick={() => scale(2)} aria-label="Zoom out" disabled={zoom === undefined}>
          −
        </button>
        <button type="button" onClick={() => pan(-0.5)} aria-label="Earlier" disabled={zoom === undefined}>
          ←
        </button>
        <button type="button" onClick={() => pan(0.5)} aria-label="Later" disabled={zoom === undefined}>
          →
        </button>
        <button type="button" onClick={() => setZoom(undefined)} disabled={zoom === undefined}>
          All
        </button>
        <label className="check">
          <input type="checkbox" checked={withTasks} onChange={(event) => setWithTasks(event.target.checked)} />{" "}
          Workflow tasks
        </label>
      </div>
      <div className="axis" aria-hidden="true">
        <div className="lane">
          {ticks(span, startMs, ticksMax).map(({ at, label }) => (
            <span key={label} className="tick" style={{ left: percent(at) }}>
              {label}
            </span>
          ))}
        </div>
      </div>
      <Rows count={shown.length} keyOf={(i) => shown[i]!.id} label="Timeline">
        {(i) => <GroupRow group={shown[i]!} span={span} nowMs={isOpen ? nowMs : history.lastMs} isRunOpen={isOpen} />}
      </Rows>
    </>
  );
}

const kindNames = {
  ...{
    workflow: "Workflow",
    activity: "Activity",
    timer: "Timer",
    child: "Child",
    nexus: "Nexus",
    signal: "Signal",
    update: "Update",
  },
  ...{ external: "To another workflow", marker: "Marker", task: "Workflow task" },
} as const satisfies Record<Group["kind"], string>;

const statusNames = {
  ...{
    open: "open",
    completed: "completed",
    failed: "failed",
    timedOut: "timed out",
    canceled: "canceled",
    terminated: "terminated",
  },
  point: "",
} as const satisfies Record<Group["status"], string>;

interface GroupRowProps {
  readonly group: Group;
  readonly span: Span;
  readonly nowMs: number;
  readonly isRunOpen: boolean;
}

function GroupRow({ group, span, nowMs, isRunOpen }: GroupRowProps) {
  const [isOpen, setOpen] = useState(false);
  const { kind, status, startMs, endMs, attempt } = group;
  const tookMs = (endMs ?? nowMs) - startMs;
  const words = [
    status === "open" && !isRunOpen ? "never ended" : statusNames[status],
    status === "point" ? "" : spanText(Math.max(0, tookMs)),
    attempt > 1 ? `attempt ${attempt}` : "",
  ];
  const summary = shownPayload(group.events[0]?.userMetadata?.summary);
  return (
    <div className="group">
      <button type="button" className="row" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span className={`kind kind-${kind}`}>{kindNames[kind]}</span>
        <span className="group-name">
          {titleOf(group)}
          {typeof summary === "string" && <span className="faint"> {summary}</span>}
        </span>
        <span className="lane">
          <Bar group={group} span={span} nowMs={nowMs} isRunOpen={isRunOpen} />
        </span>
        <span className="group-words faint">{words.filter((word) => word !== "").join(" · ")}</span>
      </button>
      {isOpen && group.events.map((event) => <EventRow key={event.eventId} event={event} />)}
    </div>
  );
}

/** From schedule to end, with the part before the last attempt began paler. */
function Bar({ group: { kind, status, startMs, endMs, attemptMs }, span, nowMs, isRunOpen }: GroupRowProps) {
  const look = status === "open" && !isRunOpen ? "abandoned" : status;
  const toMs = endMs ?? nowMs;
  if (toMs < span.fromMs || startMs > span.toMs) return null;
  const from = place(span, startMs);
  const to = place(span, toMs);
  const run = attemptMs === undefined ? from : place(span, attemptMs);
  if (status === "point") return <span className={`point kind-${kind}`} style={{ left: percent(from) }} />;
  return (
    <>
      <span className={`span waiting group-${look}`} style={{ left: percent(from), width: percent(to - from) }} />
      <span className={`span group-${look}`} style={{ left: percent(run), width: percent(to - run) }} />
    </>
  );
}

function titleOf(group: Group): string {
  if (group.name !== "") return group.name;
  const event = group.events[0]!;
  const words = event.eventType
    .replace(/^EVENT_TYPE_(WORKFLOW_(EXECUTION_)?)?/, "")
    .toLowerCase()
    .replaceAll("_", " ");
  return group.kind === "task" ? "" : words;
}

function matches(group: Group, wanted: string): boolean {
  return group.name.toLowerCase().includes(wanted) || group.events.some((event) => eventHolds(event, wanted));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`;
}
