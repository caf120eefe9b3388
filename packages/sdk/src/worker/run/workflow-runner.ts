/** Does workflow tasks: history in, workflow code run, commands out. */
import { enums, history, type Init, type query, type workflowservice } from "@pawl/protocol";
import type { MessageCodec } from "../../codec/message-codec.ts";
import { type Connection, isTooLarge } from "../../connection/connection.ts";
import { HistoryGap, Nondeterminism } from "../../replay/nondeterminism.ts";
import type { SdkMetrics } from "../../telemetry/sdk-metrics.ts";
import { CallFailed } from "../../transport/transport.ts";
import type { LoadedDataConverter } from "../../value/data-converter.ts";
import { isError } from "../../value/errors.ts";
import type { StorageDriverTargetInfo } from "../../value/external-storage.ts";
import { FAILURE_SOURCE } from "../../value/failure-converter.ts";
import type { LogFields, Logger } from "../../value/logger.ts";
import type { RecordMetric } from "../../value/metrics.ts";
import { defaultPayloadConverter } from "../../value/payload-converter.ts";
import { wireDuration, wirePayloads } from "../../value/wire.ts";
import type { ActivityRunner } from "../activity/activity-runner.ts";
import type { EagerActivities } from "../activity/eager-activities.ts";
import { LocalActivity } from "../activity/local-activity.ts";
import { type CompiledDeployment, versioningBehaviorOf } from "../deployment.ts";
import { checkCompletion, checkField, type PayloadLimits, PayloadsTooLarge } from "../payload-limits.ts";
import type { Slots } from "../slot/slots.ts";
import { type TaskMetrics, taskMetrics } from "../task-metrics.ts";
import { failureTypesOf } from "../worker-options.ts";
import { CachedRun } from "./cached-run.ts";
import { explained } from "./explanation.ts";
import { waitsAfter } from "./promise-stacks.ts";
import type { RunCache } from "./run-cache.ts";
import { type RunOutlets, type Sandbox, WorkflowTaskError } from "./sandbox.ts";
import type { SinkCalls } from "./sinks.ts";
import { isStackQuery, type StackQuery, stackAnswer } from "./stack-query.ts";
import { watched } from "./watchdog.ts";

type Task = workflowservice.PollWorkflowTaskQueueResponse;
type QueryResult = Init<query.WorkflowQueryResult>;

export interface WorkflowRunnerParts {
  readonly connection: Connection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly stickyQueue: string;
  /** A task that waits longer than this for its own worker goes to any. */
  readonly stickyTimeoutMs: number;
  readonly identity: string;
  readonly buildId: string;
  readonly sandbox: Sandbox;
  readonly cache: RunCache;
  readonly activities: ActivityRunner;
  readonly eager: EagerActivities;
  readonly localSlots: Slots;
  readonly converters: LoadedDataConverter;
  readonly codec: MessageCodec;
  readonly limits: PayloadLimits;
  readonly logger: Logger;
  readonly deployment: CompiledDeployment | undefined;
  readonly failureErrorTypes: Readonly<Record<string, readonly string[]>>;
  readonly recordMetric: RecordMetric;
  readonly metrics: SdkMetrics;
  readonly sinks: SinkCalls;
  readonly activatesPatch: RunOutlets["activatesPatch"];
  readonly deadlockTimeoutMs: number;
  readonly bytesOfBundle: number;
  readonly showStackTraceSources: boolean;
}

/** A task that waits for local activities asks for more time when this share of its own is over. */
const shareBeforeHeartbeat = 0.8;
/** A long history is replayed in one go and takes its time: so much more for each event. */
const msPerEvent = 1;
const invalidArgument = 3;

export class WorkflowRunner {
  readonly #parts: WorkflowRunnerParts;

  constructor(parts: WorkflowRunnerParts) {
    this.#parts = parts;
  }

  /** Does a task, and those that the server hands over with the answer. Never throws for what workflow code or the server does. */
  async run(task: Task): Promise<void> {
    for (let next: Task | undefined = task; next; next = await this.#one(next));
  }

  async #one(given: Task): Promise<Task | undefined> {
    const { cache, codec, logger } = this.#parts;
    const { workflowId = "", runId = "" } = given.workflowExecution ?? {};
    const about = { workflowId, runId, workflowType: given.workflowType?.name };
    const metrics = this.#metricsOf(given);
    let run: CachedRun | undefined;
    let task = given;
    const startedAtMs = performance.now();
    try {
      task = await codec.decode(given);
      run = await this.#prepare(task);
      if (task.query) await this.#answerQuery(task, run);
      const next = task.query ? undefined : await this.#complete(task, run, metrics);
      metrics.time("workflow_task_execution_latency", performance.now() - startedAtMs);
      if (run.replay.isClosed && !task.query) run.dispose();
      else cache.put(runId, run);
      return next;
    } catch (thrown) {
      run?.dispose();
      const error = thrown instanceof Nondeterminism ? await this.#explained(task, thrown) : thrown;
      if (error instanceof CallFailed && !isTooLarge(error)) {
        // Not ours any more (it timed out, or the run has closed), or refused because news came meanwhile: the server gives a new task.
        const isRefused = error.code === invalidArgument && error.details !== "UnhandledCommand";
        logger.log(isRefused ? "WARN" : "DEBUG", "A workflow task's answer was not taken", {
          ...about,
          error: error.message,
        });
        return undefined;
      }
      metrics.count("workflow_task_execution_failed");
      // Of workflow code also where: its stack is in terms of the user's files. That of the SDK's own refusals says nothing to him.
      const told = error instanceof WorkflowTaskError ? error.stack : textOf(error);
      logger.warn("Workflow task failed", { ...about, attempt: task.attempt, error: told });
      await this.#fail(task, error).catch((failure) =>
        logger.debug("A workflow task's failure was not taken", { ...about, error: failure }),
      );
      return undefined;
    }
  }

  #metricsOf(task: Task): TaskMetrics {
    const { metrics, namespace, taskQueue } = this.#parts;
    return taskMetrics(metrics, { namespace, task_queue: taskQueue, workflow_type: task.workflowType?.name ?? "" });
  }

  async #explained(task: Task, error: Nondeterminism): Promise<unknown> {
    const { sandbox } = this.#parts;
    try {
      const events = await this.#eventsFromTheFirst(task);
      return await watched(this.#timeoutFor(events), () =>
        explained(error, sandbox, this.#identityOf(task), { events, startedEventId: task.startedEventId }),
      );
    } catch {
      // The error without its line is better than none.
      return error;
    }
  }

  /** The run with everything of this task fed to it. */
  async #prepare(task: Task): Promise<CachedRun> {
    const { cache } = this.#parts;
    const { runId = "" } = task.workflowExecution ?? {};
    const given = await this.#allEvents(task);
    const cached = cache.take(runId);
    const isKnown = cached !== undefined || task.previousStartedEventId === 0;
    this.#metricsOf(task).count(isKnown ? "sticky_cache_hit" : "sticky_cache_miss");
    if (cached) {
      // A whole history says that the task is not sticky; the run is still good when nobody else went on with it.
      const isWhole = given[0]?.eventId === 1;
      if (!isWhole || cached.replay.lastEventId === task.previousStartedEventId) {
        try {
          return await this.#fed(cached, given, task);
        } catch (error) {
          cached.dispose();
          if (!(error instanceof HistoryGap)) throw error;
        }
      } else cached.dispose();
    }
    const events = await this.#eventsFromTheFirst(task, given);
    const startedAtMs = performance.now();
    const run = await this.#fed(this.#newRun(task), events, task);
    this.#metricsOf(task).time("workflow_task_replay_latency", performance.now() - startedAtMs);
    return run;
  }

  async #fed(run: CachedRun, events: readonly history.HistoryEvent[], task: Task): Promise<CachedRun> {
    await watched(this.#timeoutFor(events), () => run.feed(events, task.startedEventId, task.messages));
    run.saw(task.history?.length ?? 0);
    return run;
  }

  #newRun(task: Task): CachedRun {
    const { namespace, taskQueue, sandbox, logger, bytesOfBundle } = this.#parts;
    const { workflowId = "", runId = "" } = task.workflowExecution ?? {};
    const workflowType = task.workflowType?.name;
    const attributes = { ...{ sdkComponent: "workflow", namespace, taskQueue }, workflowId, runId, workflowType };
    const code = sandbox.newRun({
      ...this.#choicesFor(task),
      log: (level, message, fields) => logger.log(level, message, { ...attributes, ...this.#mapped(fields) }),
      metric: this.#parts.recordMetric,
      sink: (call, isReplaying) => this.#parts.sinks.call(call, isReplaying),
    });
    return new CachedRun(this.#identityOf(task), code, bytesOfBundle);
  }

  /** Errors of the sandbox as errors of this realm, whose stacks name the user's files. */
  #mapped(fields: LogFields | undefined): LogFields {
    const entries = Object.entries(fields ?? {}).map(([name, value]) => {
      if (!isError(value)) return [name, value];
      const error = new Error(value.message);
      error.name = value.name;
      error.stack = this.#parts.sandbox.stackMap.apply(value.stack ?? `${value.name}: ${value.message}`);
      return [name, error];
    });
    return Object.fromEntries(entries);
  }

  /** What decides which way the code goes. */
  #choicesFor(task: Task): Pick<RunOutlets, "failureTypes" | "activatesPatch"> {
    const { failureErrorTypes, activatesPatch } = this.#parts;
    return { failureTypes: failureTypesOf(failureErrorTypes, task.workflowType?.name), activatesPatch };
  }

  #identityOf(task: Task): CachedRun["identity"] {
    const { namespace, taskQueue, deployment } = this.#parts;
    const { workflowId = "", runId = "" } = task.workflowExecution ?? {};
    return { namespace, workflowId, runId, taskQueue, deploymentVersion: deployment?.version };
  }

  #targetOf(task: Task): StorageDriverTargetInfo {
    const { workflowId: id = "", runId = "" } = task.workflowExecution ?? {};
    return { kind: "workflow", namespace: this.#parts.namespace, id, runId, type: task.workflowType?.name ?? "" };
  }

  #timeoutFor(events: readonly history.HistoryEvent[]): number {
    return this.#parts.deadlockTimeoutMs + events.length * msPerEvent;
  }

  async #eventsFromTheFirst(
    task: Task,
    given?: readonly history.HistoryEvent[],
  ): Promise<readonly history.HistoryEvent[]> {
    const events = given ?? (await this.#allEvents(task));
    return events[0]?.eventId === 1 ? events : await this.#wholeHistory(task, events);
  }

  async #allEvents(task: Task): Promise<history.HistoryEvent[]> {
    const events = eventsOf(task.history);
    return task.nextPageToken.length > 0 ? [...events, ...(await this.#pages(task, task.nextPageToken))] : events;
  }

  /** The events before those of the task, and then those: the last ones may exist in the task alone. */
  async #wholeHistory(task: Task, given: readonly history.HistoryEvent[]): Promise<history.HistoryEvent[]> {
    const all = await this.#pages(task, new Uint8Array(0));
    const firstGiven = given[0]?.eventId ?? Number.POSITIVE_INFINITY;
    const last = task.startedEventId || Number.POSITIVE_INFINITY;
    return [...all.filter(({ eventId }) => eventId < firstGiven && eventId <= last), ...given];
  }

  async #pages(task: Task, from: Uint8Array): Promise<history.HistoryEvent[]> {
    const { connection, codec, namespace } = this.#parts;
    const events: history.HistoryEvent[] = [];
    let nextPageToken = from;
    do {
      const request = { namespace, execution: task.workflowExecution, nextPageToken };
      const page = await codec.decode(await connection.call("GetWorkflowExecutionHistory", request));
      events.push(...eventsOf(page.history));
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.length > 0);
    return events;
  }

  /** Answers the task, with as many extensions as its local activities need. Returns the task that came with the answer. */
  async #complete(task: Task, run: CachedRun, metrics: TaskMetrics): Promise<Task | undefined> {
    await rejectionsAreKnown();
    run.code.checkRejections();
    const isWaiting = await this.#waitForLocalActivities(task, run);
    const { namespace, identity, stickyQueue, stickyTimeoutMs, taskQueue, connection, buildId, eager, codec } =
      this.#parts;
    const { deployment } = this.#parts;
    // Before slots are reserved for what it may bring: a codec may fail.
    const completion = await codec.encode(run.replay.takeCompletion(), this.#targetOf(task));
    checkCompletion(completion, this.#parts.limits);
    const queryResults = await this.#queryResults(task, run);
    const reserved = eager.reserve(completion.commands);
    const answer = connection.call(
      "RespondWorkflowTaskCompleted",
      {
        ...completion,
        ...{ namespace, identity, taskToken: task.taskToken, binaryChecksum: buildId },
        ...{
          deploymentOptions: deployment?.wire,
          versioningBehavior: versioningBehaviorOf(deployment, run.code.versioningBehavior),
        },
        queryResults,
        stickyAttributes: {
          workerTaskQueue: { name: stickyQueue, kind: enums.TaskQueueKind.STICKY, normalName: taskQueue },
          scheduleToStartTimeout: wireDuration(stickyTimeoutMs),
        },
        returnNewWorkflowTask: true,
        forceCreateNewWorkflowTask: isWaiting,
        capabilities: { discardSpeculativeWorkflowTaskWithEvents: true },
      },
      answerWithin,
    );
    const answered = await answer.catch((error) => {
      eager.start([], reserved);
      throw error;
    });
    eager.start(answered.activityTasks, reserved);
    metrics.countEnd(completion.commands.at(-1)?.commandType, run.startedAtMs);
    if (answered.resetHistoryEventId > 0) run.replay.forgetTask(answered.resetHistoryEventId);
    return answered.workflowTask?.taskToken.length ? answered.workflowTask : undefined;
  }

  /** Runs local activities until there are none, `false`, or until the task's time is nearly over, `true`. */
  async #waitForLocalActivities(task: Task, run: CachedRun): Promise<boolean> {
    const endsAtMs = Date.now() + run.replay.taskTimeoutMs * shareBeforeHeartbeat;
    const { connection } = this.#parts;
    // They reach beyond this process, and a server in it may hand out a task before it is on disk.
    if (connection.isInProcess && run.replay.beginsLocalActivities)
      await connection.confirmWorkflowTask(task.taskToken, answerWithin);
    for (;;) {
      run.runLocalActivities((command) => this.#localActivity(command, run, task));
      if (!run.replay.hasLocalActivities || run.replay.isClosed) return false;
      const remainingMs = endsAtMs - Date.now();
      if (remainingMs <= 0 || !(await run.waitForLocalEnd(remainingMs))) return true;
      for (const end of run.takeLocalEnds()) {
        run.replay.endLocalActivity(end);
        await watched(this.#parts.deadlockTimeoutMs, () => run.drive());
      }
      await rejectionsAreKnown();
      run.code.checkRejections();
    }
  }

  #localActivity(command: ConstructorParameters<typeof LocalActivity>[0], run: CachedRun, task: Task): LocalActivity {
    const { activities: runner, localSlots: slots, converters, namespace, taskQueue } = this.#parts;
    const { workflowId, runId } = run.identity;
    return new LocalActivity(command, {
      ...{ runner, slots, converters, namespace, taskQueue, workflowExecution: { workflowId, runId } },
      workflowType: task.workflowType?.name ?? "",
    });
  }

  async #queryResults(task: Task, run: CachedRun): Promise<Record<string, QueryResult>> {
    const results: Record<string, QueryResult> = {};
    for (const [id, asked] of Object.entries(task.queries)) results[id] = await this.#query(task, run, asked, id);
    return results;
  }

  async #query(task: Task, run: CachedRun, asked: query.WorkflowQuery, id = ""): Promise<QueryResult> {
    const { codec, limits } = this.#parts;
    const { queryType } = asked;
    try {
      const answer = isStackQuery(queryType) ? await this.#stacks(queryType, task) : this.#answer(run, asked, id);
      const result = await codec.encode(answer, this.#targetOf(task));
      checkField(`the result of query ${queryType}`, result.answer, "payload", limits);
      return result;
    } catch (error) {
      return { resultType: enums.QueryResultType.FAILED, errorMessage: textOf(error), failure: plainFailure(error) };
    }
  }

  #answer(run: CachedRun, { queryType, queryArgs, header }: query.WorkflowQuery, id: string): QueryResult {
    const asked = { id, name: queryType, input: queryArgs?.payloads ?? [], headers: header?.fields ?? {} };
    const answered = run.code.query(asked);
    if ("failed" in answered) {
      const { message, failure } = answered.failed;
      return { resultType: enums.QueryResultType.FAILED, errorMessage: message, failure };
    }
    return { resultType: enums.QueryResultType.ANSWERED, answer: wirePayloads([answered.result]) };
  }

  /** The run is replayed once more beside the one at hand, which has kept no stacks. */
  async #stacks(queryType: StackQuery, task: Task): Promise<QueryResult> {
    const { sandbox, showStackTraceSources } = this.#parts;
    const events = await this.#eventsFromTheFirst(task);
    const run = new CachedRun(this.#identityOf(task), sandbox.newRun(this.#choicesFor(task)), 0);
    const replay = () => run.feed(events, task.startedEventId, task.messages);
    const waits = await waitsAfter(this.#timeoutFor(events), replay).finally(() => run.dispose());
    const answer = stackAnswer(queryType, waits, sandbox.stackMap, showStackTraceSources);
    return {
      resultType: enums.QueryResultType.ANSWERED,
      answer: wirePayloads([defaultPayloadConverter.toPayload(answer)]),
    };
  }

  async #answerQuery(task: Task, run: CachedRun): Promise<void> {
    const { connection, namespace } = this.#parts;
    const { resultType, answer, errorMessage, failure } = await this.#query(task, run, task.query!);
    await connection.call(
      "RespondQueryTaskCompleted",
      { namespace, taskToken: task.taskToken, completedType: resultType, queryResult: answer, errorMessage, failure },
      answerWithin,
    );
  }

  /** The first attempt is reported; later ones are left to time out, so that a worker that always fails does not spin. */
  async #fail(task: Task, error: unknown): Promise<void> {
    const { connection, codec, namespace, identity } = this.#parts;
    const failure =
      error instanceof WorkflowTaskError
        ? await codec.encode(error.failed.failure, this.#targetOf(task))
        : plainFailure(error);
    if (task.query) {
      const failed = { completedType: enums.QueryResultType.FAILED, errorMessage: textOf(error), failure };
      await connection.call(
        "RespondQueryTaskCompleted",
        { namespace, taskToken: task.taskToken, ...failed },
        answerWithin,
      );
      return;
    }
    if (task.attempt > 1) return;
    const deploymentOptions = this.#parts.deployment?.wire;
    const request = {
      namespace,
      identity,
      taskToken: task.taskToken,
      cause: causeOf(error),
      failure,
      deploymentOptions,
    };
    await connection.call("RespondWorkflowTaskFailed", request, answerWithin);
  }
}

function causeOf(error: unknown): enums.WorkflowTaskFailedCause {
  const { WorkflowTaskFailedCause: causes } = enums;
  if (error instanceof Nondeterminism) return causes.NON_DETERMINISTIC_ERROR;
  // Not GRPC_MESSAGE_TOO_LARGE for an answer that was refused as a whole: for that cause the server ends the workflow.
  if (error instanceof PayloadsTooLarge || isTooLarge(error)) return causes.PAYLOADS_TOO_LARGE;
  return causes.WORKFLOW_WORKER_UNHANDLED_FAILURE;
}

function plainFailure(error: unknown) {
  return {
    ...{ message: textOf(error), source: FAILURE_SOURCE, stackTrace: "" },
    applicationFailureInfo: { type: error instanceof Error ? error.name : "Error" },
  };
}

/** Long enough for a server that restarts; later the task has timed out anyway. */
const answerWithin = { timeoutMs: 20_000 } as const;

function eventsOf(encoded: Uint8Array | undefined): history.HistoryEvent[] {
  return encoded ? history.History.decode(encoded).events : [];
}

/** Node tells of rejections that nobody handled after the microtasks and before this. */
function rejectionsAreKnown(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
