/** Operations that are done by a workflow: it is started with the caller's links, and its end is told to the caller. */
import { type common, fromNexusLinks, toNexusLink } from "@pawl/protocol";
import {
  type CancelOperationContext,
  HandlerStartOperationResult,
  type OperationHandler,
  type StartOperationContext,
} from "nexus-rpc";
import { type CallLinks, callLinks } from "../client/call-links.ts";
import type { WorkflowSignalWithStartOptions as ClientSignalWithStartOptions } from "../client/workflow-client.ts";
import { nameOf } from "../client/workflow-handle.ts";
import type { WorkflowStartOptions as ClientStartOptions } from "../client/workflow-options.ts";
import type { AnyArgs, SignalDefinition, Workflow, WorkflowResultType } from "../value/options.ts";
import { handlerContext, log } from "./context.ts";
import { workflowOf, workflowRunToken } from "./operation-token.ts";

type WithDefaultQueue<T> = Omit<T, "taskQueue"> & {
  /** Default: the worker's own. */
  taskQueue?: string;
};

/** What an operation starts its workflow with. */
export type WorkflowStartOptions<W extends Workflow = Workflow> = WithDefaultQueue<ClientStartOptions<W>>;
/** What an operation signals its workflow with, or starts it. */
export type WorkflowSignalWithStartOptions<W extends Workflow, Args extends AnyArgs = []> = WithDefaultQueue<
  ClientSignalWithStartOptions<W, Args>
>;

declare const resultType: unique symbol;

/** A workflow that a handler has started. Only one that was started here can stand for an operation. */
export interface WorkflowHandle<T> {
  readonly workflowId: string;
  readonly runId: string;
  /** Carries the operation's links, so that both histories name each other. */
  signal<Args extends AnyArgs = []>(def: SignalDefinition<Args> | string, ...args: Args): Promise<void>;
  /** Exists in types only: keeps the result known. */
  readonly [resultType]: T;
}

/** Starts the workflow that an operation stands for, by {@link startWorkflow}; called again when the request is repeated. */
export type WorkflowRunOperationStartHandler<I, O> = (
  ctx: StartOperationContext,
  input: I,
) => Promise<WorkflowHandle<O>>;

/** The handler of an operation that lasts as long as the workflow that `start` starts by {@link startWorkflow}. */
export class WorkflowRunOperationHandler<I, O> implements OperationHandler<I, O> {
  readonly #start: WorkflowRunOperationStartHandler<I, O>;

  constructor(start: WorkflowRunOperationStartHandler<I, O>) {
    this.#start = start;
  }

  async start(ctx: StartOperationContext, input: I): Promise<HandlerStartOperationResult<O>> {
    const { workflowId } = await this.#start(ctx, input);
    return HandlerStartOperationResult.async(workflowRunToken(handlerContext().info.namespace, workflowId));
  }

  /** Cancels the workflow. */
  async cancel(_ctx: CancelOperationContext, token: string): Promise<void> {
    await handlerContext().client().workflow.getHandle(workflowOf(token).workflowId).cancel();
  }
}

/**
 * Starts a workflow whose end is the operation's. A start that is tried again with the same request finds the workflow that it started before.
 * Throws `WorkflowExecutionAlreadyStartedError`, unless the conflict policy says to use the one that runs.
 */
export async function startWorkflow<W extends Workflow>(
  ctx: StartOperationContext,
  workflowTypeOrFunc: string | W,
  options: WorkflowStartOptions<W>,
): Promise<WorkflowHandle<WorkflowResultType<W>>> {
  const { client, info } = handlerContext();
  const { taskQueue = info.taskQueue, ...rest } = options;
  const links = linksOf(ctx);
  const given: CallLinks = {
    links,
    requestId: ctx.requestId,
    completionCallbacks: callbacks(ctx, links, workflowRunToken(info.namespace, options.workflowId)),
    onConflictOptions: { attachLinks: true, attachCompletionCallbacks: true, attachRequestId: true },
  };
  const startOptions = { ...rest, taskQueue, [callLinks]: given } as unknown as ClientStartOptions<W>;
  const { workflowId, firstExecutionRunId } = await client().workflow.start(workflowTypeOrFunc, startOptions);
  answered(ctx, given);
  return handleOf(ctx, workflowId, firstExecutionRunId);
}

/** Signals the workflow of this id and starts it first when it does not run. The operation does not wait for its end. */
export async function signalWithStartWorkflow<W extends Workflow, Args extends AnyArgs = []>(
  ctx: StartOperationContext,
  workflowTypeOrFunc: string | W,
  options: WorkflowSignalWithStartOptions<W, Args>,
): Promise<WorkflowHandle<WorkflowResultType<W>>> {
  const { client, info } = handlerContext();
  const { taskQueue = info.taskQueue, ...rest } = options;
  const given: CallLinks = { links: linksOf(ctx) };
  const startOptions = { ...rest, taskQueue, [callLinks]: given } as unknown as ClientSignalWithStartOptions<W, Args>;
  const { workflowId, signaledRunId } = await client().workflow.signalWithStart(workflowTypeOrFunc, startOptions);
  answered(ctx, given);
  return handleOf(ctx, workflowId, signaledRunId);
}

function handleOf<T>(ctx: StartOperationContext, workflowId: string, runId: string): WorkflowHandle<T> {
  const handle: Omit<WorkflowHandle<T>, typeof resultType> = {
    workflowId,
    runId,
    signal: async (def, ...args) => {
      const given: CallLinks = { links: linksOf(ctx) };
      const target = handlerContext().client().workflow.getHandle(workflowId, runId);
      await target.signalWithOptions(nameOf(def), { args, [callLinks]: given } as { args: typeof args });
      answered(ctx, given);
    },
  };
  return handle as WorkflowHandle<T>;
}

/** Whom to tell of the end. The token goes along because the end may overtake the answer to the start. */
function callbacks(
  { callbackUrl: url, callbackHeaders }: StartOperationContext,
  links: common.Link[],
  token: string,
): common.Callback[] {
  if (!url) return [];
  return [{ nexus: { url, header: { ...callbackHeaders, "nexus-operation-token": token } }, links }];
}

function linksOf({ inboundLinks }: StartOperationContext): common.Link[] {
  const links = fromNexusLinks(inboundLinks.map(({ url, type }) => ({ url: url.toString(), type })));
  const unknown = inboundLinks.length - links.length;
  if (unknown > 0) log.warn("Links of a Nexus request that are not understood were left out", { links: unknown });
  return links;
}

function answered(ctx: StartOperationContext, { answered: link }: CallLinks): void {
  const made = link && toNexusLink(link);
  if (made) ctx.outboundLinks.push({ url: new URL(made.url), type: made.type });
}
