/** QueryWorkflow and the answers of direct query tasks. How queries wait is in `query-registry.ts`. */
import { detail, type ExecutionKey, type Located, Rejection, workflowKey } from "@pawl/engine";
import { type common, enums, errordetails, type Init, type query, type workflowservice } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import type { QueryTask } from "../../matching/match.ts";
import { blobProblem, executionProblem, idProblem, invalid, isTooLarge } from "../field-rules.ts";
import type { Call, Handlers } from "../handler.ts";
import { Wait } from "../long-poll.ts";
import type { Parts } from "../parts.ts";
import { type BufferedQuery, type QueryAnswer, type QueryRegistry, questionId } from "./query-registry.ts";

const { QueryRejectCondition, QueryResultType, WorkflowExecutionStatus } = enums;

export function queryHandlers(parts: Parts) {
  const { namespaces, ring, clock, tokens, queries } = parts;
  return {
    QueryWorkflow: async (request, call) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = queryProblem(request);
      if (problem) return problem;
      const { workflowId, runId } = request.execution!;
      const key = workflowKey(namespace.id, workflowId);
      const located = await ring.submit(key, { type: "locate", runId });
      if (located instanceof Rejection) return located;
      const asking: Asking = {
        key,
        query: request.query!,
        condition: request.queryRejectCondition,
        call,
        untilMs: call.deadlineMs ?? clock.nowMs() + limits.queryMsDefault,
      };
      return new Question(parts, queries, asking).ask(located);
    },

    RespondQueryTaskCompleted: (request) => {
      const token = tokens.open("query", request.taskToken);
      if (token instanceof Rejection) return token;
      const namespace = namespaces.ofToken(token, request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const answer = answerOf({
        resultType: request.completedType,
        answer: request.queryResult,
        errorMessage: request.errorMessage,
        failure: request.failure,
      });
      if (!answer) return invalid("CompletedType must be ANSWERED or FAILED.");
      if (queries.answer(token.queryId, answer)) return {};
      return new Rejection("NOT_FOUND", "query task not found, or already expired");
    },
  } satisfies Handlers;
}

function queryProblem(request: workflowservice.QueryWorkflowRequest): Rejection | undefined {
  return (
    executionProblem(request.execution) ??
    (request.query ? undefined : invalid("WorkflowQuery is not set on request.")) ??
    idProblem("QueryType", request.query?.queryType) ??
    blobProblem(request.query?.queryArgs)
  );
}

/** A worker's answer as the registry keeps it; an answer that is too large is a failed query. Undefined when it is neither answer nor failure. */
export function answerOf(result: query.WorkflowQueryResult): QueryAnswer | undefined {
  if (result.resultType === QueryResultType.FAILED)
    return { type: "failed", message: result.errorMessage, failure: result.failure };
  if (result.resultType !== QueryResultType.ANSWERED) return undefined;
  if (isTooLarge(result.answer))
    return { type: "failed", message: "Blob data size exceeds limit.", failure: undefined };
  return { type: "answered", result: result.answer };
}

/** What is to be done with a query, as things stand with its run. */
export type Route =
  | { readonly type: "rejected"; readonly status: enums.WorkflowExecutionStatus }
  | { readonly type: "refused"; readonly rejection: Rejection }
  | { readonly type: "direct" }
  | { readonly type: "buffer"; readonly firstStamp: number };

export function routeOf(
  located: Located,
  { condition, untilMs }: { readonly condition: enums.QueryRejectCondition; readonly untilMs: number },
): Route {
  const { status, open, workflowTask: task, lastCompletedStartedEventId, firstTaskAtMs } = located;
  if (isRejected(status, condition)) return { type: "rejected", status };
  const hasCompletedTask = lastCompletedStartedEventId > 0;
  if (!open && !hasCompletedTask) return notReady("Workflow execution closed before WorkflowTaskStarted event");
  if (task.type !== "none" && task.attempt >= limits.notReadyAttempt)
    return notReady("Unable to query workflow due to Workflow Task in failed state.");
  if (hasCompletedTask && (!open || task.type === "none")) return { type: "direct" };
  if (firstTaskAtMs !== undefined && firstTaskAtMs > untilMs) return notReady("Workflow task is not scheduled yet.");
  if (task.type === "none") return { type: "buffer", firstStamp: 0 };
  // A task that has started may lack what was acknowledged since: only the next one knows all of it.
  return { type: "buffer", firstStamp: task.type === "started" ? task.stamp + 1 : task.stamp };
}

function isRejected(status: enums.WorkflowExecutionStatus, condition: enums.QueryRejectCondition): boolean {
  if (status === WorkflowExecutionStatus.RUNNING) return false;
  if (status === WorkflowExecutionStatus.PAUSED || condition === QueryRejectCondition.NOT_OPEN) return true;
  return condition === QueryRejectCondition.NOT_COMPLETED_CLEANLY && status !== WorkflowExecutionStatus.COMPLETED;
}

function notReady(message: string): Route {
  const details = detail(errordetails.WorkflowNotReadyFailure, {});
  return { type: "refused", rejection: new Rejection("FAILED_PRECONDITION", message, details) };
}

interface Asking {
  readonly key: ExecutionKey<"workflow">;
  readonly query: query.WorkflowQuery;
  readonly condition: enums.QueryRejectCondition;
  readonly call: Call;
  readonly untilMs: number;
}

type Response = Init<workflowservice.QueryWorkflowResponse> | Rejection;
type Settled = Exclude<Route, { type: "buffer" }> | QueryAnswer;

type QuestionParts = Pick<Parts, "ring" | "matching" | "clock" | "random">;

/** One call of QueryWorkflow, on the run that it found. */
class Question {
  readonly #parts: QuestionParts;
  readonly #queries: QueryRegistry;
  readonly #asking: Asking;

  constructor(parts: QuestionParts, queries: QueryRegistry, asking: Asking) {
    this.#parts = parts;
    this.#queries = queries;
    this.#asking = asking;
  }

  async ask(located: Located): Promise<Response> {
    const route = routeOf(located, this.#asking);
    const { settled, at } =
      route.type === "buffer" ? await this.#buffer(located, route) : { settled: route, at: located };
    return responseOf(settled.type === "direct" ? await this.#direct(at) : settled);
  }

  /** Waits for the run's next workflow tasks, until one has answered or the run has nothing to do and can be asked directly. */
  async #buffer(first: Located, { firstStamp }: { firstStamp: number }): Promise<{ settled: Settled; at: Located }> {
    const queries = this.#queries;
    const { runId } = first;
    const asked = queries.buffer(runId, { id: this.#parts.random.uuid(), query: this.#asking.query, firstStamp });
    if (!asked) return { settled: refused(bufferFull()), at: first };
    try {
      for (;;) {
        using wait = this.#wait(this.#asking.untilMs);
        // Before anything is read, so that no change is missed.
        const changed = Promise.race([
          queries.changed(asked, wait.signal),
          this.#parts.ring.changed(runId, wait.signal),
        ]);
        const located = await this.#parts.ring.submit(this.#asking.key, { type: "locate", runId });
        if (located instanceof Rejection) return { settled: refused(located), at: first };
        const settled = this.#settled(asked, located);
        if (settled) return { settled, at: located };
        if (wait.isOver) return { settled: refused(this.#expired()), at: located };
        await changed;
      }
    } finally {
      queries.remove(runId, asked);
    }
  }

  #settled({ state }: BufferedQuery, located: Located): Settled | undefined {
    if (state.type === "answered" || state.type === "failed") return state;
    if (state.type === "attached" && isWithWorker(located, state.stamp)) return undefined;
    // The task is over in the shard, but what its worker answered is not dealt with yet.
    if (state.type === "attached" && this.#queries.isResponding(located.runId, state.stamp)) return undefined;
    const route = routeOf(located, this.#asking);
    return route.type === "buffer" ? undefined : route;
  }

  /** A task of its own: first for the worker that has the run in its cache, for as long as that worker asked to be waited for; then for any. */
  async #direct(located: Located): Promise<Settled> {
    const { matching, ring, clock, random } = this.#parts;
    const { key, query, untilMs } = this.#asking;
    const { namespaceId } = key;
    const { workflowId, runId, taskQueue, stickyQueue, versioning } = located;
    const id = questionId(random.uuid(), this.#queries.home);
    const task: QueryTask = { kind: "query", namespaceId, workflowId, runId, taskQueue, versioning, id };
    const answered = new Promise<QueryAnswer>((resolve) => {
      this.#queries.ask({ id: task.id, namespaceId, located, query }, resolve);
    });
    try {
      if (stickyQueue !== undefined) {
        const stickyUntilMs = clock.nowMs() + located.stickyScheduleToStartTimeoutMs;
        const answer = await this.#offer({ ...task, stickyQueue }, answered, Math.min(stickyUntilMs, untilMs));
        if (answer) return answer;
        if (this.#isOver()) return refused(this.#expired());
        if (located.open) await ring.submit(key, { type: "resetSticky", runId });
      }
      return (await this.#offer(task, answered, untilMs)) ?? refused(this.#expired());
    } finally {
      matching.withdrawQuery(task.id);
      this.#queries.drop(task.id);
    }
  }

  async #offer(task: QueryTask, answered: Promise<QueryAnswer>, untilMs: number): Promise<QueryAnswer | undefined> {
    const { matching } = this.#parts;
    using wait = this.#wait(untilMs);
    matching.offerQuery(task);
    const over = new Promise<undefined>((resolve) => {
      if (wait.isOver) resolve(undefined);
      else wait.signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    const answer = await Promise.race([answered, over]);
    if (!answer) matching.withdrawQuery(task.id);
    return answer;
  }

  #wait(untilMs: number): Wait {
    return new Wait(this.#asking.call.signal, this.#parts.clock, untilMs);
  }

  #isOver(): boolean {
    return this.#asking.call.signal.aborted || this.#parts.clock.nowMs() >= this.#asking.untilMs;
  }

  #expired(): Rejection {
    const ended = this.#asking.call.ended();
    if (ended === "cancelled") return new Rejection("CANCELLED", "the query was cancelled by its caller");
    if (ended === "stopping") return new Rejection("UNAVAILABLE", "the server is stopping; try again");
    return new Rejection("DEADLINE_EXCEEDED", "no worker answered the query in time");
  }
}

function isWithWorker({ workflowTask }: Located, stamp: number): boolean {
  return workflowTask.type === "started" && workflowTask.stamp === stamp;
}

function refused(rejection: Rejection): Settled {
  return { type: "refused", rejection };
}

function bufferFull(): Rejection {
  const details = detail(errordetails.ResourceExhaustedFailure, {
    cause: enums.ResourceExhaustedCause.BUSY_WORKFLOW,
    scope: enums.ResourceExhaustedScope.NAMESPACE,
  });
  return new Rejection(
    "RESOURCE_EXHAUSTED",
    "consistent query buffer is full, this may be caused by too many queries and workflow not able to process query fast enough",
    details,
  );
}

function responseOf(settled: Settled): Response {
  switch (settled.type) {
    case "rejected":
      return { queryRejected: { status: settled.status } };
    case "refused":
      return settled.rejection;
    case "answered":
      return { queryResult: settled.result ?? noPayloads };
    case "failed": {
      const details = detail(errordetails.QueryFailedFailure, { failure: settled.failure });
      return new Rejection("INVALID_ARGUMENT", settled.message, details);
    }
    case "direct":
      throw new Error("a direct query was not asked");
    default:
      return settled satisfies never;
  }
}

const noPayloads: common.Payloads = { payloads: [] };
