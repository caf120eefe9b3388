/**
 * Life on the server while inputs arrive: workflows that start, wait for activities, timers and updates, and go on. Half of the tasks are answered as
 * a good worker would; the tokens of the other half go to those who make inputs.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  enums,
  history as histories,
  type Init,
  type MethodName,
  methods,
  type RequestOf,
  type ResponseOf,
  type workflowservice,
} from "@pawl/protocol";
import type { Caller } from "./caller.ts";
import { framed } from "./input.ts";
import { type Known, liveIds } from "./known.ts";

const queues = ["fuzz-a", "fuzz-b"];
/** The endpoint of the live workflows; its tasks go to the first queue. */
const liveEndpoint = "fuzz-live";
export const liveEndpointSpec = {
  name: liveEndpoint,
  target: { worker: { namespace: "default", taskQueue: queues[0]! } },
};
const pollMs = 3_000;
const startEveryMs = 8;

/** A call as it should be. Throws on any status but OK. */
export async function ask<N extends MethodName>(
  caller: Caller,
  name: N,
  request: Init<RequestOf<N>>,
  timeoutMs = 120_000,
): Promise<ResponseOf<N>> {
  const { path, request: asked, response } = methods[name];
  const outcome = await caller.send({ path, body: framed(asked.encode(request as never)), timeoutMs });
  if (outcome.type === "status" && outcome.status === 0) return response.decode(outcome.body) as ResponseOf<N>;
  const { body: _, ...how } = { body: undefined, ...outcome };
  throw new Error(`${name}: ${JSON.stringify(how)}`);
}

/** Takes from an answer what later inputs may use. */
export function learn(known: Known, name: MethodName, body: Uint8Array): void {
  const answer = methods[name].response.decode(body) as Readonly<Record<string, unknown>>;
  if (typeof answer["runId"] === "string") known.learnText("runId", answer["runId"]);
  const endpointId = (answer["endpoint"] as { id?: unknown } | undefined)?.id;
  if (typeof endpointId === "string") known.learnText("endpointId", endpointId);
  if (answer["nextPageToken"] instanceof Uint8Array) known.learnBytes("pageToken", answer["nextPageToken"]);
  if (name === "PollWorkflowTaskQueue")
    learnTask(known, answer as unknown as workflowservice.PollWorkflowTaskQueueResponse);
  if (name === "RespondWorkflowTaskCompleted") {
    const { workflowTask, activityTasks } = answer as unknown as workflowservice.RespondWorkflowTaskCompletedResponse;
    if (workflowTask) learnTask(known, workflowTask);
    for (const { taskToken } of activityTasks) known.learnBytes("activityToken", taskToken);
  }
  const polled = ({ PollActivityTaskQueue: "activityToken", PollNexusTaskQueue: "nexusToken" } as const)[
    name as string
  ];
  if (polled && answer["taskToken"] instanceof Uint8Array) known.learnBytes(polled, answer["taskToken"]);
}

function learnTask(known: Known, task: workflowservice.PollWorkflowTaskQueueResponse): void {
  known.learnBytes(task.query ? "queryToken" : "workflowToken", task.taskToken);
  known.learnText("runId", task.workflowExecution?.runId ?? "");
  for (const { id, protocolInstanceId } of task.messages) {
    known.learnText("messageId", id);
    known.learnText("protocolInstanceId", protocolInstanceId);
  }
}

export class Traffic {
  readonly #caller: Caller;
  readonly #known: Known;
  #stopped = false;
  #done: Promise<unknown> | undefined;
  /** What no caller should ever hear. */
  readonly failures: string[] = [];
  readonly counts = { started: 0, workflowTasks: 0, activityTasks: 0, updates: 0 };

  constructor(caller: Caller, known: Known) {
    this.#caller = caller;
    this.#known = known;
  }

  start(): void {
    const lives = queues.flatMap((queue, i) => [
      ...Array.from({ length: 6 }, () => this.#repeat(() => this.#workflowTask(queue))),
      ...Array.from({ length: 4 }, () => this.#repeat(() => this.#activityTask(queue))),
      this.#repeat(() => this.#nexusTask(queue)),
      this.#repeat(() => this.#begin(queue, i)),
    ]);
    this.#done = Promise.all(lives);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** Inputs end workflows, take tasks and complete them: a refused call is part of this life. */
  async #repeat(step: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await step();
      } catch (error) {
        if (!(error instanceof Error) || /"status":(2|13|14)\b|"type":"(reset|http)"/.test(error.message))
          this.failures.push(String(error));
        await delay(10);
      }
    }
  }

  async #begin(queue: string, offset: number): Promise<void> {
    await delay(startEveryMs);
    const workflowId = `live-${(2 * this.counts.started + offset) % liveIds}`;
    const execution = { workflowId };
    if (++this.counts.started % 3 === 0)
      await ask(this.#caller, "SignalWorkflowExecution", {
        namespace: "default",
        workflowExecution: execution,
        signalName: "go",
      });
    const { runId } = await ask(this.#caller, "StartWorkflowExecution", {
      ...{ namespace: "default", workflowId, requestId: crypto.randomUUID(), identity: "worker-1" },
      ...{ workflowType: { name: "Order" }, taskQueue: { name: queue }, workflowTaskTimeout: { seconds: 2 } },
      ...{ workflowIdConflictPolicy: this.counts.started % 5 === 0 ? 3 : 2 },
    });
    this.#known.learnText("runId", runId);
  }

  async #workflowTask(queue: string): Promise<void> {
    const poll = { namespace: "default", taskQueue: { name: queue }, identity: "worker-1" };
    const task = await ask(this.#caller, "PollWorkflowTaskQueue", poll, pollMs);
    if (task.taskToken.length === 0) return;
    const count = ++this.counts.workflowTasks;
    if (task.query || count % 2 === 0) return learnTask(this.#known, task);
    this.counts.updates += task.messages.length;
    await ask(this.#caller, "RespondWorkflowTaskCompleted", {
      ...{ namespace: "default", identity: "worker-1", taskToken: task.taskToken },
      commands: count % 16 === 1 ? [finish] : [...cancelLast(task), activity(queue, count), timer(count), operation],
    });
  }

  async #activityTask(queue: string): Promise<void> {
    const poll = { namespace: "default", taskQueue: { name: queue }, identity: "worker-2" };
    const task = await ask(this.#caller, "PollActivityTaskQueue", poll, pollMs);
    const { taskToken, activityId, workflowExecution } = task;
    if (taskToken.length === 0) return;
    this.#known.learnBytes("activityToken", taskToken);
    this.#known.learnActivity({ workflowId: workflowExecution?.workflowId ?? "", activityId });
    if (++this.counts.activityTasks % 2 === 0) return;
    await ask(this.#caller, "RecordActivityTaskHeartbeat", { namespace: "default", taskToken });
    await ask(this.#caller, "RespondActivityTaskCompleted", { namespace: "default", taskToken });
  }

  /** Nobody but an input ever answers one. */
  async #nexusTask(queue: string): Promise<void> {
    const poll = { namespace: "default", taskQueue: { name: queue }, identity: "worker-2" };
    const { taskToken } = await ask(this.#caller, "PollNexusTaskQueue", poll, pollMs);
    this.#known.learnBytes("nexusToken", taskToken);
    if (taskToken.length > 0) await delay(100);
  }
}

type Command = NonNullable<Init<RequestOf<"RespondWorkflowTaskCompleted">>["commands"]>[number];
const finish: Command = { commandType: 2, completeWorkflowExecutionCommandAttributes: {} };

function activity(queue: string, count: number): Command {
  return {
    commandType: 1,
    scheduleActivityTaskCommandAttributes: {
      ...{ activityId: `a${count}`, activityType: { name: "Charge" }, taskQueue: { name: queue } },
      ...{ startToCloseTimeout: { seconds: 5 }, heartbeatTimeout: { seconds: 3 } },
    },
  };
}

/** Asks the last activity of the history to stop, if it is still under way. */
function cancelLast({ history }: workflowservice.PollWorkflowTaskQueueResponse): Command[] {
  const { events } = histories.History.decode(history ?? new Uint8Array());
  const last = events.findLast(({ eventType }) => eventType === enums.EventType.ACTIVITY_TASK_SCHEDULED);
  if (last === undefined) return [];
  const touched = events.some((event) =>
    [
      event.activityTaskStartedEventAttributes,
      event.activityTaskCancelRequestedEventAttributes,
      event.activityTaskCanceledEventAttributes,
    ].some((attributes) => attributes?.scheduledEventId === last.eventId),
  );
  if (touched) return [];
  return [{ commandType: 4, requestCancelActivityTaskCommandAttributes: { scheduledEventId: last.eventId } }];
}

const operation: Command = {
  commandType: 17,
  scheduleNexusOperationCommandAttributes: {
    ...{ endpoint: liveEndpoint, service: "Orders", operation: "charge" },
    scheduleToCloseTimeout: { seconds: 5 },
  },
};

function timer(count: number): Command {
  return {
    commandType: 3,
    startTimerCommandAttributes: { timerId: `t${count}`, startToFireTimeout: { seconds: count % 3 } },
  };
}
