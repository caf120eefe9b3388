/**
 * A story is one sentence about the server and the requests that show it: the script plays client and worker with raw requests, and every answer is
 * recorded, then the history and description of every run it met. Played on two servers, both recordings must be equal.
 */
import { setTimeout as delay } from "node:timers/promises";
import { enums, history, type Init, type MethodName, methods, type RequestOf, type ResponseOf } from "@pawl/protocol";
import type { CallOptions, Calls } from "./connection.ts";
import { Normaliser, type Plain } from "./normalise.ts";
import { text } from "./requests.ts";

export interface Story {
  /** File name of the recording, and prefix of every id and task queue. */
  readonly name: string;
  readonly sentence: string;
  readonly script: (play: Play) => Promise<void>;
}

export function story(name: string, sentence: string, script: Story["script"]): Story {
  return { name, sentence, script };
}

/** What one line of a recording says. */
export type Recorded = { readonly [key: string]: Plain };

export type WorkflowTask = ResponseOf<"PollWorkflowTaskQueue"> & { readonly events: readonly history.HistoryEvent[] };
export type ActivityTask = ResponseOf<"PollActivityTaskQueue">;

type Commands = Init<RequestOf<"RespondWorkflowTaskCompleted">>["commands"];
type Extra<N extends MethodName> = Init<RequestOf<N>>;

/** What SDKs say of themselves; the reference server shows a client that says nothing older forms of some events. */
const clientHeaders = {
  "client-name": "temporal-go",
  "client-version": "1.39.0",
  "supported-server-versions": ">=1.0.0 <2.0.0",
  "supported-features": "follows-next-run-id",
};

const pollTimeoutMs = 15_000;
/** The shortest that the servers accept leaves about a second before they answer that there is nothing. */
const emptyPollTimeoutMs = 2_500;
const eventPollMs = 50;
const eventPollsMax = 400;

/** Plays the story and returns its recording. A script that throws ends its recording with the error. */
export async function play({ name, script }: Story, connection: Calls): Promise<Recorded[]> {
  const player = new Play(name, connection);
  try {
    await script(player);
    await player.recordRuns();
  } catch (error) {
    player.note("threw", error instanceof Error ? error.message : String(error));
  }
  return player.recording;
}

export class Play {
  readonly recording: Recorded[] = [];
  /** The default task queue and workflow id. */
  readonly name: string;
  readonly #connection: Calls;
  readonly #normaliser = new Normaliser();
  readonly #runs = new Map<string, string>();

  constructor(name: string, connection: Calls) {
    this.name = name;
    this.#connection = connection;
  }

  note(what: string, value: Plain): void {
    this.recording.push({ [what]: typeof value === "string" ? this.#normaliser.text(value) : value });
  }

  /**
   * Records the answer or the refusal. Returns undefined when the call was refused. `next`: what to ask instead when this answer is not the last, because
   * the server has waited for as long as it does; only the last one is recorded.
   */
  async attempt<N extends MethodName>(
    method: N,
    request: Init<RequestOf<N>>,
    { next, ...options }: CallOptions & { next?: (response: ResponseOf<N>) => Init<RequestOf<N>> | undefined } = {},
  ): Promise<ResponseOf<N> | undefined> {
    const { path, request: encoder, response: decoder } = methods[method];
    // The line's place is that of the request, since answers to requests side by side come in any order.
    const line = this.recording.push({ call: method }) - 1;
    for (let asked: Init<RequestOf<N>> | undefined = request; ; ) {
      const answer = await this.#connection.unary(path, encoder.encode(asked as never), {
        ...options,
        headers: { ...clientHeaders, ...options.headers },
      });
      if (answer.status !== 0) {
        this.recording[line] = { call: method, refused: this.#normaliser.refusal(answer) };
        return undefined;
      }
      const response = decoder.decode(answer.body) as ResponseOf<N>;
      asked = next?.(response);
      if (asked) continue;
      this.#meet(response);
      this.recording[line] = { call: method, answer: this.#normaliser.value(response) };
      return response;
    }
  }

  /** As {@link attempt}, where a refusal ends the story. */
  async call<N extends MethodName>(
    method: N,
    request: Init<RequestOf<N>>,
    options: CallOptions = {},
  ): Promise<ResponseOf<N>> {
    const response = await this.attempt(method, request, options);
    if (response === undefined) throw new Error(`${method} was refused`);
    return response;
  }

  /** For what two servers may answer differently: the story notes what must be equal. */
  async unrecorded<N extends MethodName>(
    method: N,
    request: Init<RequestOf<N>>,
    options: CallOptions = {},
  ): Promise<ResponseOf<N>> {
    const { path, request: encoder, response: decoder } = methods[method];
    const { status, message, body } = await this.#connection.unary(path, encoder.encode(request as never), {
      ...options,
      headers: clientHeaders,
    });
    if (status !== 0) throw new Error(`${method} was refused: ${message}`);
    return decoder.decode(body) as ResponseOf<N>;
  }

  eventsOf({ history }: { history?: Uint8Array | undefined }): readonly history.HistoryEvent[] {
    return eventsOf(history);
  }

  /** Without an id of its own the workflow is called as the story is. */
  startRequest(extra: Extra<"StartWorkflowExecution"> = {}): Extra<"StartWorkflowExecution"> {
    return {
      namespace: "default",
      workflowId: this.name,
      workflowType: { name: "Story" },
      taskQueue: { name: this.name },
      input: text("in"),
      identity: "client",
      requestId: `${this.name}-request`,
      ...extra,
    };
  }

  async start(extra: Extra<"StartWorkflowExecution"> = {}): Promise<ResponseOf<"StartWorkflowExecution">> {
    const request = this.startRequest(extra);
    const response = await this.call("StartWorkflowExecution", request);
    this.meetRun(request.workflowId ?? "", response.runId);
    return response;
  }

  /** Waits for the next workflow task. Throws when there is none. */
  async workflowTask(queue: string = this.name, extra: Extra<"PollWorkflowTaskQueue"> = {}): Promise<WorkflowTask> {
    const request = { namespace: "default", taskQueue: { name: queue }, identity: "worker", ...extra };
    const task = await this.call("PollWorkflowTaskQueue", request, { timeoutMs: pollTimeoutMs });
    return this.opened(task);
  }

  opened(task: ResponseOf<"PollWorkflowTaskQueue"> | undefined): WorkflowTask {
    if (task === undefined || task.taskToken.byteLength === 0) throw new Error("there is no workflow task");
    return { ...task, events: eventsOf(task.history) };
  }

  async noWorkflowTask(queue: string = this.name): Promise<void> {
    const request = { namespace: "default", taskQueue: { name: queue }, identity: "worker" };
    await this.call("PollWorkflowTaskQueue", request, { timeoutMs: emptyPollTimeoutMs });
  }

  async activityTask(queue: string = this.name, extra: Extra<"PollActivityTaskQueue"> = {}): Promise<ActivityTask> {
    const request = { namespace: "default", taskQueue: { name: queue }, identity: "worker", ...extra };
    const task = await this.call("PollActivityTaskQueue", request, { timeoutMs: pollTimeoutMs });
    if (task.taskToken.byteLength === 0) throw new Error("there is no activity task");
    return task;
  }

  async noActivityTask(queue: string = this.name): Promise<void> {
    const request = { namespace: "default", taskQueue: { name: queue }, identity: "worker" };
    await this.call("PollActivityTaskQueue", request, { timeoutMs: emptyPollTimeoutMs });
  }

  completeRequest(
    { taskToken }: { taskToken: Uint8Array },
    commands: Commands = [],
    extra: Extra<"RespondWorkflowTaskCompleted"> = {},
  ): Extra<"RespondWorkflowTaskCompleted"> {
    return { namespace: "default", identity: "worker", taskToken, commands, ...extra };
  }

  complete(
    task: { taskToken: Uint8Array },
    commands: Commands = [],
    extra: Extra<"RespondWorkflowTaskCompleted"> = {},
  ): Promise<ResponseOf<"RespondWorkflowTaskCompleted">> {
    return this.call("RespondWorkflowTaskCompleted", this.completeRequest(task, commands, extra));
  }

  /** Polls a workflow task and completes it. */
  async step(commands: Commands = [], extra: Extra<"RespondWorkflowTaskCompleted"> = {}): Promise<WorkflowTask> {
    const task = await this.workflowTask();
    await this.complete(task, commands, extra);
    return task;
  }

  signal(signalName: string, extra: Extra<"SignalWorkflowExecution"> = {}): Promise<unknown> {
    return this.call("SignalWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: this.name },
      signalName,
      input: text(signalName),
      identity: "client",
      ...extra,
    });
  }

  describe(workflowId: string = this.name): Promise<ResponseOf<"DescribeWorkflowExecution">> {
    return this.call("DescribeWorkflowExecution", { namespace: "default", execution: { workflowId } });
  }

  history(extra: Extra<"GetWorkflowExecutionHistory"> = {}): Promise<ResponseOf<"GetWorkflowExecutionHistory">> {
    return this.call("GetWorkflowExecutionHistory", {
      namespace: "default",
      execution: { workflowId: this.name },
      ...extra,
    });
  }

  /** Waits until the run, by default the newest, has closed. */
  closed(workflowId: string = this.name, runId = ""): Promise<unknown> {
    return this.history({
      execution: { workflowId, runId },
      waitNewEvent: true,
      historyEventFilterType: enums.HistoryEventFilterType.CLOSE_EVENT,
    });
  }

  /** Waits until the newest run has an event of this type, which comes by itself: how soon is left to each server. */
  async event(eventType: enums.EventType, workflowId: string = this.name): Promise<void> {
    const asked = { namespace: "default", execution: { workflowId } };
    for (let attempt = 0; attempt < eventPollsMax; attempt++) {
      const { history } = await this.unrecorded("GetWorkflowExecutionHistory", asked);
      if (eventsOf(history).some((event) => event.eventType === eventType)) return;
      await delay(eventPollMs);
    }
    throw new Error(`event type ${eventType} of ${workflowId} did not come`);
  }

  /** Its history and description are recorded at the end. */
  meetRun(workflowId: string, runId: string): void {
    if (workflowId === "" || runId === "") return;
    this.#normaliser.noteRun(runId);
    if (!this.#runs.has(runId)) this.#runs.set(runId, workflowId);
  }

  async recordRuns(): Promise<void> {
    for (let known = 0; known < this.#runs.size; known++) {
      const [runId, workflowId] = [...this.#runs][known]!;
      const execution = { workflowId, runId };
      const { history } = await this.call("GetWorkflowExecutionHistory", { namespace: "default", execution });
      for (const event of eventsOf(history)) this.meetRun(workflowId, newRunOf(event));
      await this.call("DescribeWorkflowExecution", { namespace: "default", execution });
    }
  }

  /** Every execution that an answer names with both its ids. */
  #meet(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    if (value instanceof Uint8Array) return;
    const { workflowId, runId } = value as { workflowId?: unknown; runId?: unknown };
    if (typeof workflowId === "string" && typeof runId === "string") this.meetRun(workflowId, runId);
    for (const field of Object.values(value)) this.#meet(field);
  }
}

export function eventsOf(bytes: Uint8Array | undefined): history.HistoryEvent[] {
  return bytes === undefined ? [] : history.History.decode(bytes).events;
}

function newRunOf(event: history.HistoryEvent): string {
  for (const field of Object.values(event)) {
    const runId = (field as { newExecutionRunId?: unknown } | null | undefined)?.newExecutionRunId;
    if (typeof runId === "string") return runId;
  }
  return "";
}
