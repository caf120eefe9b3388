/** Workflows as their clients see them: start, signal, cancel, terminate, describe. */
import { Rejection, workflowKey } from "@pawl/engine";
import type { common, RequestOf } from "@pawl/protocol";
import { versionOfWorker } from "../deployment/deployment-rules.ts";
import { blobProblem, executionProblem, headerProblem, idProblem, lengthProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import { linksProblem } from "../link-rules.ts";
import type { Parts } from "../parts.ts";
import { workflowTaskResponse } from "../poll/poll-response.ts";
import { attributesToSet } from "../visibility/search-attribute.ts";
import { keptCallbacks } from "./callback-rules.ts";
import { signaledLink, startLink } from "./response-link.ts";
import { signalWithStartProblem, startProblem } from "./start-rules.ts";
import { notePinned, startPlaceProblem } from "./versioning-override.ts";

export function workflowHandlers(parts: Parts) {
  const { namespaces, ring, random } = parts;
  return {
    ...startHandlers(parts),

    SignalWorkflowExecution: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = signalProblem(request);
      if (problem) return problem;
      const reply = await ring.submit(keyOf(namespace, request.workflowExecution!), { type: "signal", request });
      if (reply instanceof Rejection) return reply;
      const { workflowId } = request.workflowExecution!;
      return { link: signaledLink({ namespace: namespace.name, workflowId, runId: reply.runId }, request.requestId) };
    },

    RequestCancelWorkflowExecution: async (given) => {
      const namespace = namespaces.byName(given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = cancelProblem(given);
      if (problem) return problem;
      const request = { ...given, requestId: given.requestId || random.uuid() };
      return ring.submit(keyOf(namespace, request.workflowExecution!), { type: "requestCancel", request });
    },

    TerminateWorkflowExecution: async (given) => {
      const namespace = namespaces.byName(given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = terminateProblem(given);
      if (problem) return problem;
      const { reason = "", identity = "" } = given;
      const request = { ...given, reason: reason || unnamedReason, identity: identity || unnamedIdentity };
      return ring.submit(keyOf(namespace, given.workflowExecution!), { type: "terminate", request });
    },

    DescribeWorkflowExecution: async ({ namespace: name, execution }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const problem = executionProblem(execution);
      if (problem) return problem;
      return ring.submit(keyOf(namespace, execution!), { type: "describe", runId: execution!.runId });
    },

    DeleteWorkflowExecution: async ({ namespace: name, workflowExecution }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const problem = executionProblem(workflowExecution);
      if (problem) return problem;
      return ring.submit(keyOf(namespace, workflowExecution!), { type: "delete", runId: workflowExecution!.runId });
    },

    ResetStickyTaskQueue: async ({ namespace: name, execution }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const problem = executionProblem(execution);
      if (problem) return problem;
      return ring.submit(keyOf(namespace, execution!), { type: "resetSticky", runId: execution!.runId });
    },
  } satisfies Handlers;
}

function startHandlers(parts: Parts) {
  const { namespaces, ring, random, queries, searchAttributes: custom } = parts;
  return {
    StartWorkflowExecution: async (given) => {
      const namespace = namespaces.forStart(given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = startProblem(given, parts.addresses) ?? startPlaceProblem(parts, namespace, given);
      if (problem) return problem;
      const searchAttributes = attributesToSet(given.searchAttributes, namespace, custom);
      if (searchAttributes instanceof Rejection) return searchAttributes;
      const requestId = given.requestId || random.uuid();
      const { workflowId, identity } = given;
      const eagerPoller = {
        identity,
        requestId,
        deploymentVersion: versionOfWorker(given.eagerWorkerDeploymentOptions),
      };
      const reply = await ring.submit(workflowKey(namespace.id, workflowId), {
        type: "startWorkflow",
        request: {
          ...given,
          requestId,
          searchAttributes,
          completionCallbacks: keptCallbacks(given.completionCallbacks),
        },
        // The start's own request id, so that a start that is repeated finds its task again.
        ...(given.requestEagerExecution && { eagerPoller }),
      });
      if (reply instanceof Rejection) return reply;
      await notePinned(parts, namespace, given.versioningOverride);
      const { eagerTask, runId, firstRunId, started, status } = reply;
      const run = { namespace: namespace.name, workflowId, runId };
      return {
        runId,
        firstExecutionRunId: firstRunId,
        started,
        status,
        link: startLink(run, requestId, reply),
        ...(eagerTask && {
          eagerWorkflowTask: await workflowTaskResponse(parts, eagerTask, {
            fromStart: true,
            backlogCount: 0,
            queries: await queries.attach({ namespaceId: namespace.id, workflowId, runId }, eagerTask.task.stamp),
          }),
        }),
      };
    },

    SignalWithStartWorkflowExecution: async (given) => {
      const namespace = namespaces.forStart(given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = signalWithStartProblem(given) ?? startPlaceProblem(parts, namespace, given);
      if (problem) return problem;
      const searchAttributes = attributesToSet(given.searchAttributes, namespace, custom);
      if (searchAttributes instanceof Rejection) return searchAttributes;
      const request = { ...given, requestId: given.requestId || random.uuid(), searchAttributes };
      const key = workflowKey(namespace.id, given.workflowId);
      const reply = await ring.submit(key, { type: "signalWithStart", request });
      if (reply instanceof Rejection) return reply;
      await notePinned(parts, namespace, given.versioningOverride);
      const { runId, firstRunId, started } = reply;
      const run = { namespace: namespace.name, workflowId: given.workflowId, runId };
      return { runId, firstExecutionRunId: firstRunId, started, signalLink: signaledLink(run, request.requestId) };
    },
  } satisfies Handlers;
}

function keyOf({ id }: { readonly id: string }, { workflowId }: common.WorkflowExecution) {
  return workflowKey(id, workflowId);
}

/** Why and by whom a run is terminated when its caller does not say, in the reference server's words. */
const unnamedReason = "terminated by user via frontend";
const unnamedIdentity = "frontend-service";

function signalProblem(request: RequestOf<"SignalWorkflowExecution">): Rejection | undefined {
  return (
    executionProblem(request.workflowExecution) ??
    idProblem("SignalName", request.signalName) ??
    lengthProblem("RequestId", request.requestId) ??
    lengthProblem("Identity", request.identity) ??
    linksProblem(request.links) ??
    blobProblem(request.input) ??
    headerProblem(request.header)
  );
}

function cancelProblem(request: RequestOf<"RequestCancelWorkflowExecution">): Rejection | undefined {
  return (
    executionProblem(request.workflowExecution) ??
    lengthProblem("RequestId", request.requestId) ??
    lengthProblem("Identity", request.identity) ??
    lengthProblem("FirstExecutionRunId", request.firstExecutionRunId) ??
    linksProblem(request.links)
  );
}

function terminateProblem(request: RequestOf<"TerminateWorkflowExecution">): Rejection | undefined {
  return (
    executionProblem(request.workflowExecution) ??
    lengthProblem("Identity", request.identity) ??
    lengthProblem("FirstExecutionRunId", request.firstExecutionRunId) ??
    linksProblem(request.links) ??
    blobProblem(request.details)
  );
}
