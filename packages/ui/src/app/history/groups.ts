/**
 * Events that belong together, as one line each: an activity from schedule to end, a timer, a child, a signal. Made one event at a time, so that a
 * history that grows costs what comes and not what there is.
 */
import { type Attributes, attributesOf, type HistoryEvent, typeOf } from "./event.ts";

export type GroupKind =
  | "workflow"
  | "activity"
  | "timer"
  | "child"
  | "nexus"
  | "signal"
  | "update"
  | "external"
  | "marker"
  | "task";

/** `point`: it took no time, such as a signal. */
export type GroupStatus = "open" | "completed" | "failed" | "timedOut" | "canceled" | "terminated" | "point";

export interface Group {
  /** The id of its first event. */
  readonly id: number;
  readonly kind: GroupKind;
  readonly name: string;
  status: GroupStatus;
  readonly startMs: number;
  /** `undefined` while it is open. */
  endMs: number | undefined;
  /** When the attempt that ended it, or that runs, began. */
  attemptMs: number | undefined;
  attempt: number;
  readonly events: HistoryEvent[];
}

interface Role {
  readonly kind: GroupKind;
  /** The field that holds the id of the group's first event; absent in the first event itself. */
  readonly of?: string;
  /** Absent in events that leave the group open. */
  readonly ends?: GroupStatus;
}

const endings = { COMPLETED: "completed", FAILED: "failed", TIMED_OUT: "timedOut", CANCELED: "canceled" } as const;

/** An opening event, what continues it, and how it can end. */
function family(
  kind: GroupKind,
  prefix: string,
  { open, of, goesOn }: { readonly open: string; readonly of: string; readonly goesOn: readonly string[] },
) {
  return [
    [`${prefix}_${open}`, { kind }],
    ...goesOn.map((verb) => [`${prefix}_${verb}`, { kind, of }] as const),
    ...Object.entries(endings).map(([verb, ends]) => [`${prefix}_${verb}`, { kind, of, ends }] as const),
  ] as const;
}

const roles: ReadonlyMap<string, Role> = new Map<string, Role>([
  ...family("activity", "ACTIVITY_TASK", {
    open: "SCHEDULED",
    of: "scheduledEventId",
    goesOn: ["STARTED", "CANCEL_REQUESTED"],
  }),
  ...family("task", "WORKFLOW_TASK", { open: "SCHEDULED", of: "scheduledEventId", goesOn: ["STARTED"] }),
  ...family("child", "CHILD_WORKFLOW_EXECUTION", { open: "NEVER", of: "initiatedEventId", goesOn: ["STARTED"] }),
  ["START_CHILD_WORKFLOW_EXECUTION_INITIATED", { kind: "child" }],
  ["START_CHILD_WORKFLOW_EXECUTION_FAILED", { kind: "child", of: "initiatedEventId", ends: "failed" }],
  ["CHILD_WORKFLOW_EXECUTION_TERMINATED", { kind: "child", of: "initiatedEventId", ends: "terminated" }],
  ...family("nexus", "NEXUS_OPERATION", {
    open: "SCHEDULED",
    of: "scheduledEventId",
    goesOn: ["STARTED", "CANCEL_REQUESTED", "CANCEL_REQUEST_COMPLETED", "CANCEL_REQUEST_FAILED"],
  }),
  ["TIMER_STARTED", { kind: "timer" }],
  ["TIMER_FIRED", { kind: "timer", of: "startedEventId", ends: "completed" }],
  ["TIMER_CANCELED", { kind: "timer", of: "startedEventId", ends: "canceled" }],
  ["WORKFLOW_EXECUTION_SIGNALED", { kind: "signal", ends: "point" }],
  ["WORKFLOW_EXECUTION_UPDATE_ACCEPTED", { kind: "update" }],
  ["WORKFLOW_EXECUTION_UPDATE_COMPLETED", { kind: "update", of: "acceptedEventId", ends: "completed" }],
  ["SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED", { kind: "external" }],
  ["SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED", { kind: "external", of: "initiatedEventId", ends: "failed" }],
  ["EXTERNAL_WORKFLOW_EXECUTION_SIGNALED", { kind: "external", of: "initiatedEventId", ends: "completed" }],
  ["REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED", { kind: "external" }],
  ["REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED", { kind: "external", of: "initiatedEventId", ends: "failed" }],
  ["EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED", { kind: "external", of: "initiatedEventId", ends: "completed" }],
  ["MARKER_RECORDED", { kind: "marker", ends: "point" }],
]);

/** The run itself and whatever has no kind of its own. */
const lone: Role = { kind: "workflow", ends: "point" };

export class Groups {
  readonly #groups: Group[] = [];
  readonly #byFirst = new Map<string, Group>();
  #lastMs = 0;

  /** In the order of their first events. */
  get all(): readonly Group[] {
    return this.#groups;
  }

  /** The time of the latest event. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** Events come in the order of their ids. */
  add(event: HistoryEvent): void {
    const role = roles.get(typeOf(event)) ?? lone;
    const attributes = attributesOf(event);
    const atMs = Date.parse(event.eventTime);
    this.#lastMs = Math.max(this.#lastMs, atMs);
    const known = role.of === undefined ? undefined : this.#byFirst.get(String(attributes[role.of]));
    if (known) extend(known, { event, attributes, atMs, role });
    else this.#begin(role, event, attributes, atMs);
  }

  #begin(role: Role, event: HistoryEvent, attributes: Attributes, atMs: number): void {
    const group: Group = {
      ...{ id: Number(event.eventId), kind: role.kind, name: nameOf(event, attributes), status: role.ends ?? "open" },
      ...{ startMs: atMs, endMs: role.ends === undefined ? undefined : atMs, attemptMs: undefined, attempt: 1 },
      events: [event],
    };
    this.#groups.push(group);
    this.#byFirst.set(event.eventId, group);
  }
}

function extend(
  group: Group,
  {
    event,
    attributes,
    atMs,
    role,
  }: { readonly event: HistoryEvent; readonly attributes: Attributes; readonly atMs: number; readonly role: Role },
): void {
  group.events.push(event);
  if (typeof attributes["attempt"] === "number") group.attempt = attributes["attempt"];
  if (role.ends === undefined) {
    if (typeOf(event).endsWith("_STARTED")) group.attemptMs = atMs;
    return;
  }
  group.status = role.ends;
  group.endMs = atMs;
}

const nameFields = ["activityType", "workflowType", "signalName", "timerId", "markerName", "operation"] as const;

function nameOf(event: HistoryEvent, attributes: Attributes): string {
  const type = typeOf(event);
  if (type === "WORKFLOW_EXECUTION_UPDATE_ACCEPTED") return updateName(attributes);
  for (const field of nameFields) {
    const value = attributes[field];
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "object" && value !== null && "name" in value) return String(value.name);
  }
  return "";
}

function updateName({ acceptedRequest }: Attributes): string {
  const request = acceptedRequest as { input?: { name?: string } } | undefined;
  return request?.input?.name ?? "";
}
