/** One group of events: what it is, its bar on the time axis, how it went; opened, its events. */
import { useState } from "react";
import { shownPayload } from "../api/payload.ts";
import type { PendingActivity } from "../api/workflows.ts";
import { attributesOf } from "../history/event.ts";
import type { Group } from "../history/groups.ts";
import { place, type Span, spanText } from "../history/timeline.ts";
import { EventRow } from "./event-row.tsx";

export const kindNames = {
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
  /** Activities that have not ended, by their ids. */
  readonly byActivity: ReadonlyMap<string, PendingActivity>;
}

export function GroupRow(props: GroupRowProps) {
  const { group, nowMs, isRunOpen } = props;
  const [isOpen, setOpen] = useState(false);
  const { kind, status, startMs, endMs } = group;
  const { attempt, attemptMs } = attemptOf(props);
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
          {idOf(group) !== "" && <span className="faint"> {idOf(group)}</span>}
          {typeof summary === "string" && <span className="faint"> {summary}</span>}
        </span>
        <span className="lane">
          <Bar {...props} attemptMs={attemptMs} />
        </span>
        <span className="group-words faint">{words.filter((word) => word !== "").join(" · ")}</span>
      </button>
      {isOpen && group.events.map((event) => <EventRow key={event.eventId} event={event} />)}
    </div>
  );
}

/** History tells of an attempt when it has ended: until then the pending activity does. */
function attemptOf({ group, byActivity, nowMs }: GroupRowProps): Pick<Group, "attempt" | "attemptMs"> {
  if (group.kind !== "activity" || group.status !== "open") return group;
  const activity = byActivity.get(String(attributesOf(group.events[0]!)["activityId"]));
  if (!activity) return group;
  const startedMs = activity.state.endsWith("_STARTED") ? Date.parse(activity.lastStartedTime ?? "") : Number.NaN;
  // While none runs, all of the time is waiting.
  return { attempt: activity.attempt ?? 1, attemptMs: Number.isNaN(startedMs) ? nowMs : startedMs };
}

interface BarProps extends GroupRowProps {
  readonly attemptMs: number | undefined;
}

/** From schedule to end, with the part before the last attempt began paler. */
function Bar({ group: { kind, status, startMs, endMs }, span, nowMs, isRunOpen, attemptMs }: BarProps) {
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

/** By which those of one name are told apart. */
function idOf({ kind, events }: Group): string {
  const field = kind === "activity" ? "activityId" : kind === "child" ? "workflowId" : undefined;
  const id = field && attributesOf(events[0]!)[field];
  return typeof id === "string" ? id : "";
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`;
}
