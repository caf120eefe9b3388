/** How runs end that grow beyond what a run may be: in events, in bytes of history, and in what is kept of them beside it. */
import type { Init, MethodName, RequestOf, ResponseOf } from "@pawl/protocol";
import { activity, marker, text } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const mebibyte = 1024 * 1024;
const eventsMax = 51_200;
/** Commands of one answer: so many that few answers fill a history, and few enough for one transaction. */
const markersAtOnce = 10_000;

/** Starts a workflow and fills its history with markers until `count` events are in it, the last of them that of a waiting workflow task. */
async function filled(s: Play, count: number): Promise<void> {
  await s.unrecorded("StartWorkflowExecution", s.startRequest());
  // Each answer is followed by its task's events: started, completed, and the next one scheduled.
  for (let events = 2; events < count; ) {
    const markers = Math.min(markersAtOnce, count - events - 3);
    await respond(s, Array(markers).fill(marker()), true);
    events += markers + 3;
  }
}

async function respond(s: Play, commands: Commands, forceCreateNewWorkflowTask: boolean): Promise<void> {
  const { taskToken } = await poll(s);
  await s.unrecorded("RespondWorkflowTaskCompleted", {
    ...s.completeRequest({ taskToken }, commands),
    forceCreateNewWorkflowTask,
  });
}

type Commands = Init<RequestOf<"RespondWorkflowTaskCompleted">>["commands"];

function poll(s: Play): Promise<ResponseOf<"PollWorkflowTaskQueue">> {
  return s.unrecorded("PollWorkflowTaskQueue", {
    namespace: "default",
    taskQueue: { name: s.name },
    identity: "worker",
  });
}

/** The newest events, without the thousands before them. */
async function noteEnd(s: Play): Promise<void> {
  const execution = { workflowId: s.name };
  const page = { namespace: "default", execution, maximumPageSize: 10 };
  const answer = await s.unrecorded("GetWorkflowExecutionHistoryReverse", page);
  const events = s.eventsOf(answer).filter(({ eventId }) => eventId >= eventsMax - 3);
  for (const { eventId, eventType, workflowExecutionTerminatedEventAttributes: ended } of events)
    s.note(`event ${eventId}`, ended ? { eventType, reason: ended.reason, identity: ended.identity } : eventType);
  const { workflowExecutionInfo } = await s.unrecorded("DescribeWorkflowExecution", {
    namespace: "default",
    execution,
  });
  s.note("status", workflowExecutionInfo!.status);
}

/** Notes whether the request was taken, without the run that the answer names: its whole history would be recorded. */
async function tell<N extends MethodName>(s: Play, method: N, request: Init<RequestOf<N>>): Promise<void> {
  try {
    await s.unrecorded(method, request);
    s.note(method, "taken");
  } catch (error) {
    s.note(method, (error as Error).message);
  }
}

function signal(s: Play): Promise<void> {
  const workflowExecution = { workflowId: s.name };
  return tell(s, "SignalWorkflowExecution", { namespace: "default", workflowExecution, signalName: "more" });
}

/** A history of this length costs the reference server seconds, so there are few of these; `run-size.test.ts` has the other cases. */
export const sizeStories: readonly Story[] = [
  story("history-count-signals", "a signal ends a run that has as many events as it may have", async (s) => {
    await filled(s, eventsMax - 3);
    await respond(s, [], false);
    for (const _ of "12") await signal(s);
    await noteEnd(s);
  }),

  story(
    "history-count-buffered",
    "what arrived while a worker has the task is kept when the run ends for its events",
    async (s) => {
      await filled(s, eventsMax - 3);
      const task = await poll(s);
      for (const _ of "1234") await signal(s);
      await tell(s, "RespondWorkflowTaskCompleted", s.completeRequest(task));
      await signal(s);
      await noteEnd(s);
    },
  ),

  story(
    "history-count-commands",
    "a worker's answer that makes too many events is thrown away, and ends the run",
    async (s) => {
      await filled(s, eventsMax - 3);
      const task = await poll(s);
      await tell(s, "RespondWorkflowTaskCompleted", s.completeRequest(task, Array(5).fill(marker())));
      await noteEnd(s);
    },
  ),

  story("state-size-heartbeats", "heartbeats end a run of which too much is kept beside its history", async (s) => {
    await heartbeats(s, 5, 1.8 * mebibyte);
  }),

  story("state-size-buffered", "so does what arrives while a worker has the task, and waits for its end", async (s) => {
    await heartbeats(s, 4, 1.9 * mebibyte);
    await s.signal("wake");
    const task = await s.workflowTask();
    const request = { namespace: "default", workflowExecution: { workflowId: s.name }, signalName: "large" };
    await s.attempt("SignalWorkflowExecution", { ...request, input: text("x".repeat(0.5 * mebibyte)) });
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task));
  }),
];

/** So many activities, each of which has told so much of its progress. */
async function heartbeats(s: Play, count: number, bytes: number): Promise<void> {
  await s.start();
  const activities = Array.from({ length: count }, (_, index) => activity(s.name, { activityId: `a${index}` }));
  await s.step(activities);
  const request = { namespace: "default", taskQueue: { name: s.name }, identity: "worker" };
  // Which of them comes first is not said.
  const tokens = new Map<string, Uint8Array>();
  for (const _ of activities) {
    const { activityId, taskToken } = await s.unrecorded("PollActivityTaskQueue", request);
    tokens.set(activityId, taskToken);
  }
  for (const [, taskToken] of [...tokens].sort(([a], [b]) => a.localeCompare(b))) {
    const details = text("x".repeat(bytes));
    await s.attempt("RecordActivityTaskHeartbeat", { namespace: "default", taskToken, details });
  }
}
