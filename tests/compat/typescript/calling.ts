/** Workflows that call Nexus operations, and the handlers that serve them: at once, or with a workflow of their own. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure, CancelledFailure, NexusOperationFailure, TimeoutFailure } from "@temporalio/common";
import { startWorkflow, WorkflowRunOperationHandler } from "@temporalio/nexus";
import { Worker } from "@temporalio/worker";
import type { NexusOperationCancellationType, Workflow } from "@temporalio/workflow";
import * as nexus from "nexus-rpc";
import type { Purchase } from "./calling-workflows.ts";
import * as workflows from "./calling-workflows.ts";
import {
  type Context,
  count,
  eventsOf,
  eventually,
  instance,
  namesOf,
  one,
  rejection,
  type Scenario,
} from "./harness.ts";

const asked = new Map<string, number>();

export const shopHandler = nexus.serviceHandler(workflows.shop, {
  async price(context, { id, how }) {
    const attempt = (asked.get(id) ?? 0) + 1;
    asked.set(id, attempt);
    if (how === "busy" && attempt < 3) throw new nexus.HandlerError("UNAVAILABLE", "busy");
    if (how === "unknown") throw new nexus.HandlerError("NOT_FOUND", "no such order");
    if (how === "fail") throw new nexus.OperationError("failed", "not for sale");
    if (how === "slow") await delay(60_000, undefined, { signal: context.abortSignal });
    return attempt;
  },
  deliver: new WorkflowRunOperationHandler((context, purchase: Purchase) =>
    startWorkflow(context, workflows.delivery, { args: [purchase], workflowId: deliveryId(purchase.id) }),
  ),
});

function deliveryId(callerId: string): string {
  return `delivery-${callerId}`;
}

/** Starts workflows that call operations of an endpoint of the scenario's own. */
class Caller {
  private readonly context: Context;
  private readonly endpoint: string;

  private constructor(context: Context, endpoint: string) {
    this.context = context;
    this.endpoint = endpoint;
  }

  static async of(context: Context): Promise<Caller> {
    const { client, taskQueue } = context;
    const name = `typescript-${randomUUID()}`;
    const target = { worker: { namespace: client.options.namespace, taskQueue } };
    await client.connection.operatorService.createNexusEndpoint({ spec: { name, target } });
    return new Caller(context, name);
  }

  start(workflow: Workflow, how: string, ...more: unknown[]): Promise<WorkflowHandle> {
    const { client, taskQueue } = this.context;
    const workflowId = this.context.newId(`-${how}`);
    return client.workflow.start(workflow, {
      args: [this.endpoint, { id: workflowId, how }, ...more],
      workflowId,
      taskQueue,
    });
  }

  deliveryOf({ workflowId }: WorkflowHandle): WorkflowHandle {
    return this.context.client.workflow.getHandle(deliveryId(workflowId));
  }

  async replay(handles: readonly WorkflowHandle[]): Promise<void> {
    const { workflowBundle } = this.context;
    for (const handle of handles) {
      await Worker.runReplayHistory({ workflowBundle }, await handle.fetchHistory(), handle.workflowId);
    }
  }
}

/** The cause of the operation's failure that a workflow fails with. */
async function operationCause(handle: WorkflowHandle): Promise<unknown> {
  const { cause } = await rejection(WorkflowFailedError, handle.result());
  return instance(NexusOperationFailure, cause).cause;
}

async function nexusOperation(context: Context): Promise<void> {
  const caller = await Caller.of(context);
  const simple = await caller.start(workflows.askPrice, "done", 60);
  assert.equal(await simple.result(), 1);
  assert.deepEqual(namesOf(await eventsOf(simple)).slice(4, 6), [
    "NEXUS_OPERATION_SCHEDULED",
    "NEXUS_OPERATION_COMPLETED",
  ]);
  const busy = await caller.start(workflows.askPrice, "busy", 60);
  assert.equal(await busy.result(), 3, "attempts until a busy handler answers");

  const delivered = await caller.start(workflows.haveDelivered, "done");
  const { workflowId } = delivered;
  assert.equal(await delivered.result(), `${workflowId} delivered`);
  const [forward] = one(await eventsOf(delivered), "NEXUS_OPERATION_STARTED").links ?? [];
  assert.equal(forward?.workflowEvent?.workflowId, deliveryId(workflowId));
  const [started] = await eventsOf(caller.deliveryOf(delivered));
  const [callback] = started?.workflowExecutionStartedEventAttributes?.completionCallbacks ?? [];
  assert.equal(callback?.links?.[0]?.workflowEvent?.workflowId, workflowId);
  await caller.replay([simple, busy, delivered]);
}

async function nexusFailure(context: Context): Promise<void> {
  const caller = await Caller.of(context);
  const refused = await caller.start(workflows.askPrice, "unknown", 60);
  const failed = await caller.start(workflows.askPrice, "fail", 60);
  const undelivered = await caller.start(workflows.haveDelivered, "fail");
  const slow = await caller.start(workflows.askPrice, "slow", 2);
  assert.equal(instance(nexus.HandlerError, await operationCause(refused)).type, "NOT_FOUND");
  assert.match(instance(ApplicationFailure, await operationCause(failed)).message, /not for sale/);
  const { type, details } = instance(ApplicationFailure, await operationCause(undelivered));
  assert.deepEqual([type, details], ["Undelivered", ["here"]]);
  instance(TimeoutFailure, await operationCause(slow));
}

async function nexusCancel(context: Context): Promise<void> {
  const caller = await Caller.of(context);
  const types: readonly NexusOperationCancellationType[] = [
    "WAIT_CANCELLATION_COMPLETED",
    "WAIT_CANCELLATION_REQUESTED",
    "TRY_CANCEL",
    "ABANDON",
  ];
  const handles: WorkflowHandle[] = [];
  for (const type of types) {
    const handle = await caller.start(workflows.cancelDelivery, "wait", type);
    handles.push(handle);
    assert.equal(await handle.result(), "cancelled", type);
    const events = await eventsOf(handle);
    assert.equal(count(events, "NEXUS_OPERATION_CANCEL_REQUESTED"), type === "ABANDON" ? 0 : 1, type);
    if (type === "WAIT_CANCELLATION_COMPLETED") one(events, "NEXUS_OPERATION_CANCELED");
    const delivery = caller.deliveryOf(handle);
    if (type === "ABANDON") await delivery.terminate();
    else instance(CancelledFailure, (await rejection(WorkflowFailedError, delivery.result())).cause);
  }
  await caller.replay(handles);
  const first = caller.deliveryOf(handles[0]!);
  const told = async () => (await first.describe()).raw.callbacks?.[0]?.attempt === 1;
  await eventually(told, "the end of the handler's workflow is told");
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  "nexus-operation": nexusOperation,
  "nexus-failure": nexusFailure,
  "nexus-cancel": nexusCancel,
};
