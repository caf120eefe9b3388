/** Workflow tasks: how workers get them and answer them. */
import { type CommandOf, Rejection, type ReplyTo, type StartedWorkflowTask, workflowKey } from "@pawl/engine";
import { enums, type Init, type RequestOf, type WorkflowTaskToken, type workflowservice } from "@pawl/protocol";
import { activityTaskResponse } from "../activity/activity-response.ts";
import { versionOfWorker, workerProblem } from "../deployment/deployment-rules.ts";
import { registerWorker } from "../deployment/worker-deployment.ts";
import { fittingFailure } from "../failure-size.ts";
import { durationProblem, invalid, lengthProblem, taskQueueProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { queryResponse, workflowTaskResponse } from "../poll/poll-response.ts";
import { PollWatch } from "../poll/poll-watch.ts";
import { pollForTask, type QueryMatch, type StartedMatch, scalingOf } from "../poll/task-poll.ts";
import { withTypedAttributes } from "../visibility/command-attributes.ts";
import { answerOf } from "./query.ts";
import type { QueryAnswer, QueryRegistry } from "./query-registry.ts";

type PollRequest = RequestOf<"PollWorkflowTaskQueue">;
type CompletedRequest = RequestOf<"RespondWorkflowTaskCompleted">;
type PollResponse = Init<workflowservice.PollWorkflowTaskQueueResponse>;
const { WorkflowTaskFailedCause: Cause } = enums;

export function workflowTaskHandlers(parts: Parts) {
  const { namespaces, ring, tokens, random, queries, searchAttributes: custom } = parts;
  const polling = { ...parts, watch: new PollWatch(parts.telemetry, "workflow") };
  return {
    PollWorkflowTaskQueue: async (request, call) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = pollProblem(request);
      if (problem) return problem;
      const { name: taskQueue, kind, normalName } = request.taskQueue!;
      const poll = {
        namespaceId: namespace.id,
        kind: "workflow",
        taskQueue,
        // Old SDKs do not name the normal queue of a sticky one.
        ...(kind === enums.TaskQueueKind.STICKY && { stickyOf: normalName }),
        poller: pollerOf(request, random.uuid()),
        workerInstanceKey: request.workerInstanceKey,
        takesEarly: call.takesEarly ?? false,
      } as const;
      const refused = await registerWorker(parts, poll);
      if (refused) return refused;
      const polled = await pollForTask(polling, call, poll, async (match) => {
        const response = await answerPoll(parts, queries, match);
        return response && { ...response, ...scalingOf(match) };
      });
      return polled ?? {};
    },

    RespondWorkflowTaskCompleted: async (given) => {
      const token = tokens.open("workflow", given.taskToken);
      if (token instanceof Rejection) return token;
      const namespace = namespaces.ofToken(token, given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = completedProblem(given);
      if (problem) return problem;
      // The engine does not know what a namespace allows. Code that does something else may be mended: its task fails, and its run does not.
      if (Object.hasOwn(namespace.badBinaries.binaries, given.binaryChecksum)) {
        const message = `binary ${given.binaryChecksum} is marked as bad deployment`;
        return complete(parts, queries, token, given, { cause: Cause.BAD_BINARY, message });
      }
      const commands = withTypedAttributes(given.commands, namespace, custom);
      if (commands instanceof Rejection) {
        const unfit = { cause: Cause.BAD_SEARCH_ATTRIBUTES, message: commands.message };
        return complete(parts, queries, token, given, unfit);
      }
      return complete(parts, queries, token, { ...given, commands });
    },

    RespondWorkflowTaskFailed: async (given) => {
      const token = tokens.open("workflow", given.taskToken);
      if (token instanceof Rejection) return token;
      const namespace = namespaces.ofToken(token, given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = lengthProblem("Identity", given.identity);
      if (problem) return problem;
      const request = { ...given, failure: fittingFailure(given.failure) };
      const reply = await ring.submit(keyOf(token), { type: "failWorkflowTask", task: token, request });
      if (reply instanceof Rejection) return reply;
      queries.settle(token.runId, token.stamp, new Map());
      return {};
    },
  } satisfies Handlers;
}

async function complete(
  parts: Parts,
  queries: QueryRegistry,
  token: WorkflowTaskToken,
  request: CompletedRequest,
  unfit?: CommandOf<"completeWorkflowTask">["unfit"],
): Promise<Init<workflowservice.RespondWorkflowTaskCompletedResponse> | Rejection> {
  const { runId, stamp } = token;
  const responded = queries.responding(runId, stamp);
  try {
    const nexusEndpointIds = endpointIdsOf(parts, request.commands);
    const completed = {
      ...({ type: "completeWorkflowTask", task: token, request, nexusEndpointIds } as const),
      ...(unfit && { unfit }),
    };
    const reply = await parts.ring.submit(keyOf(token), completed);
    if (reply instanceof Rejection) return reply;
    // What a task that failed has answered counts for nothing: its queries wait for the next one.
    queries.settle(runId, stamp, reply.refused ? new Map() : answersOf(request));
    if (reply.refused) return reply.refused;
    return await completedResponse(parts, queries, reply);
  } finally {
    responded();
  }
}

/** The engine does not know which Nexus endpoints there are: those that are named, as far as they exist. */
function endpointIdsOf(
  { nexusEndpoints }: Pick<Parts, "nexusEndpoints">,
  commands: CompletedRequest["commands"],
): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const { scheduleNexusOperationCommandAttributes: attributes } of commands) {
    const endpoint = attributes && nexusEndpoints.byName(attributes.endpoint);
    if (endpoint) ids.set(endpoint.name, endpoint.id);
  }
  return ids;
}

function keyOf({ namespaceId, workflowId }: WorkflowTaskToken) {
  return workflowKey(namespaceId, workflowId);
}

export function pollProblem(
  request: Pick<PollRequest, "taskQueue" | "identity" | "deploymentOptions" | "workerInstanceKey">,
): Rejection | undefined {
  return (
    lengthProblem("Identity", request.identity) ??
    lengthProblem("WorkerInstanceKey", request.workerInstanceKey) ??
    workerProblem(request.deploymentOptions) ??
    taskQueueProblem(request.taskQueue) ??
    namelessProblem(request)
  );
}

/** Where versions are routed, it is by the normal queue. */
function namelessProblem({ taskQueue, deploymentOptions }: Pick<PollRequest, "taskQueue" | "deploymentOptions">) {
  if (taskQueue?.kind !== enums.TaskQueueKind.STICKY || taskQueue.normalName !== "") return undefined;
  return versionOfWorker(deploymentOptions)
    ? invalid("NormalName must be set on sticky queue when UseVersioning is true or DeploymentOptions are set.")
    : undefined;
}

function pollerOf(request: PollRequest, requestId: string) {
  const capabilities = request.workerVersionCapabilities;
  return {
    identity: request.identity,
    requestId,
    capabilities,
    deploymentOptions: request.deploymentOptions,
    deploymentVersion: versionOfWorker(request.deploymentOptions),
    ...(capabilities && {
      workerVersion: { buildId: capabilities.buildId, useVersioning: capabilities.useVersioning },
    }),
  };
}

async function answerPoll(
  parts: Parts,
  queries: QueryRegistry,
  match: StartedMatch | QueryMatch,
): Promise<PollResponse | undefined> {
  const { sticky } = match;
  const backlogCount = toldBacklogCount(match);
  if (match.type === "query") {
    const asked = await queries.asked(match.query.id);
    return asked && queryResponse(parts, asked, { sticky, backlogCount });
  }
  if (match.started.kind !== "workflow") throw new Error("an activity task came out of a workflow task queue");
  return taskResponse(parts, queries, match.started.task, { fromStart: !sticky, backlogCount });
}

/**
 * Workers are told of no backlog of their sticky queues. SDKs that hear of one (Go, Java) send all their polls there until they hear that it is gone; answers overtake
 * each other, and when one that says "some" is the last to be heard, nobody polls the normal queue for as long as a poll lasts. Without it they divide their polls.
 */
function toldBacklogCount({ sticky, backlogCount }: StartedMatch | QueryMatch): number {
  return sticky ? 0 : backlogCount;
}

async function taskResponse(
  parts: Parts,
  queries: QueryRegistry,
  started: StartedWorkflowTask,
  delivery: { fromStart: boolean; backlogCount: number },
): Promise<PollResponse | undefined> {
  const { namespaceId, workflowId } = started;
  const { runId, stamp } = started.task;
  const carried = await queries.attach({ namespaceId, workflowId, runId }, stamp);
  return workflowTaskResponse(parts, started, { ...delivery, queries: carried });
}

function completedProblem(request: CompletedRequest): Rejection | undefined {
  if (request.intermediatePage || request.pageNumber > 0)
    return new Rejection("FAILED_PRECONDITION", "workflow task completion pagination is disabled");
  return (
    lengthProblem("Identity", request.identity) ??
    workerProblem(request.deploymentOptions) ??
    behaviorProblem(request) ??
    stickyProblem(request.stickyAttributes)
  );
}

function behaviorProblem({ versioningBehavior, deploymentOptions }: CompletedRequest): Rejection | undefined {
  if (versioningBehavior === enums.VersioningBehavior.UNSPECIFIED || versionOfWorker(deploymentOptions))
    return undefined;
  return invalid("versioning behavior cannot be specified without deployment options being set with versioned mode");
}

function stickyProblem(sticky: CompletedRequest["stickyAttributes"]): Rejection | undefined {
  // Without a name the worker keeps no cache.
  if (!sticky?.workerTaskQueue?.name) return undefined;
  return (
    taskQueueProblem(sticky.workerTaskQueue) ?? durationProblem("ScheduleToStartTimeout", sticky.scheduleToStartTimeout)
  );
}

function answersOf({ queryResults }: CompletedRequest): ReadonlyMap<string, QueryAnswer> {
  const answers = new Map<string, QueryAnswer>();
  for (const [id, result] of Object.entries(queryResults)) {
    const answer = answerOf(result);
    if (answer) answers.set(id, answer);
  }
  return answers;
}

async function completedResponse(
  parts: Parts,
  queries: QueryRegistry,
  reply: ReplyTo<CommandOf<"completeWorkflowTask">>,
): Promise<Init<workflowservice.RespondWorkflowTaskCompletedResponse>> {
  const { newTask, eagerActivities, resetHistoryEventId } = reply;
  const activityTasks = await Promise.all(eagerActivities.map((started) => activityTaskResponse(parts, started)));
  return {
    ...(newTask && {
      // The worker that completed a task has the run in its cache.
      workflowTask: await taskResponse(parts, queries, newTask, { fromStart: false, backlogCount: 0 }),
    }),
    activityTasks: activityTasks.filter((task) => task !== undefined),
    resetHistoryEventId,
  };
}
