/** Nexus operations outlive the server: it is killed (-9) before, between and after the steps of one, and started again on its file. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ResponseOf } from "@pawl/protocol";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { Connection } from "./connection.ts";
import { cancelNexus, cancelWorkflow, complete, nexus, payload, seconds, text } from "./requests.ts";
import { Play } from "./story.ts";

type NexusTask = ResponseOf<"PollNexusTaskQueue">;

const namespace = "default";
const name = "nexus-restart";
const identity = "handler";

/** A server that is killed and started again on its file. */
class Killed implements AsyncDisposable {
  readonly #folder: string;
  #server: RunningServer | undefined;
  /** On the server that runs now. */
  play!: Play;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<Killed> {
    const killed = new Killed(await mkdtemp(join(tmpdir(), "nexus-")));
    await killed.again();
    return killed;
  }

  async again(): Promise<Play> {
    await this.#server?.kill9();
    this.#server = await startPawl({ dbFilename: join(this.#folder, "state.db") });
    this.play = new Play(name, await Connection.open(this.#server.address));
    return this.play;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop();
    await rm(this.#folder, { recursive: true });
  }
}

async function poll(s: Play): Promise<NexusTask> {
  const task = await s.call("PollNexusTaskQueue", { namespace, taskQueue: { name }, identity });
  assert.ok(task.request, "there is a Nexus task");
  return task;
}

/** Starts the workflow that works on the operation, as an SDK's handler does. */
function startHandler(s: Play, { request }: NexusTask, workflowId: string): Promise<unknown> {
  const { callback, callbackHeader, requestId } = request!.startOperation!;
  return s.call("StartWorkflowExecution", {
    ...{ namespace, workflowId, identity, requestId },
    workflowType: { name: "Handler" },
    taskQueue: { name: workflowId },
    completionCallbacks: [{ nexus: { url: callback, header: callbackHeader } }],
  });
}

async function endHandler(s: Play, workflowId: string, command = complete("made")): Promise<void> {
  await s.complete(await s.workflowTask(workflowId), [command]);
}

function outcomes(events: readonly { readonly eventType: number; readonly eventId: number }[]): string[] {
  const attributes = events.flatMap((event) => Object.keys(event).filter((key) => key.startsWith("nexusOperation")));
  return attributes.map((each) => each.replace("nexusOperation", "").replace("EventAttributes", ""));
}

test("an operation goes on where it was when the server was killed", { timeout: 120_000 }, async () => {
  await using server = await Killed.start();
  const worker = { namespace, taskQueue: name };
  await server.play.call("CreateNexusEndpoint", { spec: { name, target: { worker } } });
  await server.play.start();
  const timeout = { scheduleToCloseTimeout: seconds(60) };
  await server.play.step([nexus(name, timeout), nexus(name, { ...timeout, operation: "cancelled" })]);

  // Asked for and not answered: asked for again, as the same request.
  const before = [await poll(server.play), await poll(server.play)];
  let s = await server.again();
  const tasks = [await poll(s), await poll(s)];
  const operationsOf = (polled: readonly NexusTask[]) =>
    polled.map(({ request }) => `${request?.startOperation?.operation} ${request?.startOperation?.requestId}`).sort();
  assert.deepEqual(operationsOf(tasks), operationsOf(before));
  for (const task of tasks) {
    const { operation } = task.request!.startOperation!;
    await startHandler(s, task, operation);
    const response = { startOperation: { asyncSuccess: { operationToken: operation } } };
    await s.call("RespondNexusTaskCompleted", { namespace, identity, taskToken: task.taskToken, response });
  }
  const told = await s.workflowTask();
  const cancelled = told.events.find(
    (event) => event.nexusOperationScheduledEventAttributes?.operation === "cancelled",
  );
  await s.complete(told, [cancelNexus(cancelled!.eventId)]);

  // Started, and one is to be cancelled: that is asked for again, and their ends find their way from the new process.
  s = await server.again();
  const cancel = await poll(s);
  assert.equal(cancel.request?.cancelOperation?.operationToken, "cancelled");
  const { taskToken } = cancel;
  await s.call("RespondNexusTaskCompleted", { namespace, identity, taskToken, response: { cancelOperation: {} } });
  await endHandler(s, "cancelled", cancelWorkflow());
  await endHandler(s, "op");

  // Ended: nothing is told twice. The task in which the caller hears of it may have been lost with the poll.
  s = await server.again();
  await s.signal("look");
  for (;;) {
    const { events, taskToken: task } = await s.workflowTask();
    if (outcomes(events).includes("Completed") && outcomes(events).includes("Canceled")) {
      await s.complete({ taskToken: task }, [complete()]);
      break;
    }
    await s.complete({ taskToken: task });
  }
  await server.again();
  const { history } = await server.play.history();
  const events = server.play.eventsOf({ history });
  const cancelling = ["CancelRequested", "CancelRequestCompleted", "Canceled"];
  const [first, second, ...rest] = outcomes(events);
  assert.deepEqual([first, second], ["Scheduled", "Scheduled"]);
  assert.deepEqual(rest.toSorted(), ["Started", "Started", "Completed", ...cancelling].toSorted());
  const made = events.find((event) => event.nexusOperationCompletedEventAttributes);
  const result = made?.nexusOperationCompletedEventAttributes?.result;
  assert.deepEqual(text("made").payloads, [result && payload(JSON.parse(Buffer.from(result.data).toString()))]);
});
