/** Nexus operations: called by workflows, served by a worker at once or with a workflow of its own. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { history } from "@pawl/protocol";
import { enums } from "@pawl/protocol";
import { WorkflowFailedError, type WorkflowHandle } from "@pawl/sdk/client";
import {
  ApplicationFailure,
  CancelledFailure,
  DefaultLogger,
  NexusOperationFailure,
  TimeoutFailure,
} from "@pawl/sdk/common";
import { getClient, operationInfo, startWorkflow, WorkflowRunOperationHandler } from "@pawl/sdk/nexus";
import { type NexusInterceptorsFactory, Worker } from "@pawl/sdk/worker";
import { HandlerError, OperationError, serviceHandler } from "nexus-rpc";
import * as workflows from "./nexus/workflows.ts";
import { newId, useTarget } from "./target.ts";

const target = useTarget();
const path = (name: string) => fileURLToPath(new URL(`./nexus/${name}`, import.meta.url));
const attempts = new Map<string, number>();
let endpoint = "";
const taskQueue = newId("queue");

const shopHandler = serviceHandler(workflows.shop, {
  async price(context, { id, how }) {
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, attempt);
    if (how === "busy" && attempt < 3) throw new HandlerError("UNAVAILABLE", "busy");
    if (how === "unknown") throw new HandlerError("NOT_FOUND", "no such order");
    if (how === "fail") throw new OperationError("failed", "not for sale");
    if (how === "withdrawn") throw new OperationError("canceled", "withdrawn");
    if (how === "final") throw ApplicationFailure.nonRetryable("never", "Final");
    if (how === "absent") await getClient().workflow.getHandle(`absent-${id}`).cancel();
    if (how === "slow") await delay(60_000, undefined, { signal: context.abortSignal });
    if (how === "told")
      return operationInfo().endpoint === endpoint && context.headers["mark"] === "by workflow" ? 1 : 0;
    return attempt;
  },
  deliver: new WorkflowRunOperationHandler(async (context, purchase: workflows.Purchase) => {
    const workflowId = deliveryId(purchase.id);
    const handle = await startWorkflow(context, workflows.delivery, { args: [purchase], workflowId });
    if (purchase.how === "hurry") await handle.signal(workflows.hurry, "the shop");
    return handle;
  }),
});

function deliveryId(callerId: string): string {
  return `delivery-${callerId}`;
}

const intercepted: string[] = [];
const nexusInterceptors: NexusInterceptorsFactory = ({ operation }) => ({
  inbound: {
    startOperation: async (input, next) => {
      intercepted.push(`start ${operation}`);
      return await next(input);
    },
    cancelOperation: async (input, next) => {
      intercepted.push(`cancel ${operation}`);
      await next(input);
    },
  },
});

async function start(workflow: unknown, how: string, ...more: unknown[]): Promise<WorkflowHandle> {
  const workflowId = newId(how);
  const args = [endpoint, { id: workflowId, how }, ...more] as never;
  return await target.client.workflow.start(workflow as never, { workflowId, taskQueue, args });
}

async function execute(workflow: unknown, ...args: unknown[]): Promise<unknown> {
  const options = { workflowId: newId(), taskQueue, args: args as never };
  return await target.client.workflow.execute(workflow as never, options);
}

function namesOf({ events }: history.History): string[] {
  const names = Object.entries(enums.EventType);
  return events.map(({ eventType }) => names.find(([, value]) => value === eventType)?.[0] ?? "");
}

async function causeOf(handle: WorkflowHandle): Promise<unknown> {
  const error = await handle.result().catch((thrown: unknown) => thrown);
  assert.ok(error instanceof WorkflowFailedError && error.cause instanceof NexusOperationFailure, String(error));
  return error.cause.cause;
}

async function replays(handles: readonly WorkflowHandle[]): Promise<void> {
  const options = { workflowsPath: path("workflows.ts"), interceptors: { workflowModules: [path("marking.ts")] } };
  for (const handle of handles) await Worker.runReplayHistory(options, await handle.fetchHistory(), handle.workflowId);
}

describe("Nexus", () => {
  let worker: Worker;
  let running: Promise<void>;
  before(async () => {
    endpoint = newId("endpoint");
    const spec = { name: endpoint, target: { worker: { namespace: "default", taskQueue } } };
    await target.connection.operatorService.createNexusEndpoint({ spec });
    worker = await Worker.create({
      ...{ connection: target.connection, taskQueue, workflowsPath: path("workflows.ts") },
      nexusServices: [shopHandler],
      interceptors: { nexus: [nexusInterceptors], workflowModules: [path("marking.ts")] },
      logger: new DefaultLogger("ERROR"),
    });
    running = worker.run();
  });
  after(async () => {
    worker.shutdown();
    await running;
  });

  describe("an operation", () => {
    test("that its handler does at once gives its result, with no start between", async () => {
      const simple = await start(workflows.askPrice, "done", { summary: "what does it cost?" });
      assert.equal(await simple.result(), 1);
      const history = await simple.fetchHistory();
      assert.deepEqual(namesOf(history).slice(4, 6), ["NEXUS_OPERATION_SCHEDULED", "NEXUS_OPERATION_COMPLETED"]);
      const scheduled = history.events[4]!;
      assert.equal(scheduled.nexusOperationScheduledEventAttributes?.operation, "ask-price");
      assert.ok(scheduled.userMetadata?.summary, "the summary is kept");
      const busy = await start(workflows.askPrice, "busy");
      assert.equal(await busy.result(), 3, "attempts until a busy handler answers");
      assert.equal(await (await start(workflows.askPrice, "told")).result(), 1, "endpoint and headers are known");
      await replays([simple, busy]);
    });

    test("that a workflow does starts it with links both ways, lasts as long as it, and is named by a token", async () => {
      const delivered = await start(workflows.haveDelivered, "hurry");
      const { workflowId } = delivered;
      assert.deepEqual(await delivered.result(), [true, `${workflowId} delivered, hurried by the shop`]);
      const { events } = await delivered.fetchHistory();
      const started = events.find((event) => event.nexusOperationStartedEventAttributes);
      assert.equal(started?.links[0]?.workflowEvent?.workflowId, deliveryId(workflowId));
      const [first] = (await target.client.workflow.getHandle(deliveryId(workflowId)).fetchHistory()).events;
      const [callback] = first?.workflowExecutionStartedEventAttributes?.completionCallbacks ?? [];
      assert.equal(callback?.links[0]?.workflowEvent?.workflowId, workflowId);
      await replays([delivered]);
    });

    test("that fails tells its caller how, and whether trying again would help", async () => {
      const of = { service: "shop", operation: "ask-price" };
      const undelivered = await start(workflows.haveDelivered, "fail");
      const slow = await start(workflows.askPrice, "slow", { scheduleToCloseTimeout: "1s" });
      assert.deepEqual(await execute(workflows.failureOf, endpoint, "unknown"), {
        ...{ ...of, kind: "HandlerError", message: "no such order", type: "NOT_FOUND", retryable: false },
      });
      assert.deepEqual(await execute(workflows.failureOf, endpoint, "fail"), {
        ...{ ...of, kind: "ApplicationFailure", message: "not for sale" },
      });
      assert.deepEqual(await execute(workflows.failureOf, endpoint, "withdrawn"), {
        ...{ ...of, kind: "CancelledFailure", message: "withdrawn" },
      });
      const final = (await execute(workflows.failureOf, endpoint, "final")) as Record<string, unknown>;
      assert.deepEqual([final["type"], final["retryable"]], ["INTERNAL", false]);
      const absent = (await execute(workflows.failureOf, endpoint, "absent")) as Record<string, unknown>;
      assert.equal(absent["type"], "NOT_FOUND", "what the handler's own client met");
      const cause = await causeOf(undelivered);
      assert.ok(cause instanceof ApplicationFailure);
      assert.deepEqual([cause.type, cause.details], ["Undelivered", ["here"]]);
      assert.ok((await causeOf(slow)) instanceof TimeoutFailure);
      await replays([undelivered, slow]);
    });

    test("that its service does not define is refused where it is called", async () => {
      assert.equal(await execute(workflows.misnamed, endpoint), 'service shop defines no operation "refund"');
    });
  });

  describe("cancellation", () => {
    const messages = {
      WAIT_CANCELLATION_COMPLETED: /.*/,
      WAIT_CANCELLATION_REQUESTED: /^Nexus operation cancellation request completed$/,
      TRY_CANCEL: /^Nexus operation cancelled after starting$/,
      ABANDON: /^Nexus operation cancelled after starting$/,
    } as const;

    for (const [type, message] of Object.entries(messages)) {
      test(`${type} ends the wait when it says, and the handler's workflow unless it is abandoned`, async () => {
        const handle = await start(workflows.cancelDelivery, "wait", type);
        assert.match(String(await handle.result()), message);
        const names = namesOf(await handle.fetchHistory());
        assert.equal(names.includes("NEXUS_OPERATION_CANCEL_REQUESTED"), type !== "ABANDON");
        const isTold = names.includes("NEXUS_OPERATION_CANCELED");
        if (type === "WAIT_CANCELLATION_COMPLETED" || type === "ABANDON") {
          assert.equal(isTold, type !== "ABANDON");
        }
        const delivery = target.client.workflow.getHandle(deliveryId(handle.workflowId));
        if (type === "ABANDON") await delivery.terminate();
        else {
          const error = await delivery.result().catch((thrown: unknown) => thrown);
          assert.ok(error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure);
        }
        await replays([handle]);
      });
    }

    test("in the very activation that asked for it leaves no trace", async () => {
      assert.equal(
        await execute(workflows.cancelBeforeScheduled, endpoint),
        "true: Nexus Operation cancelled before scheduled",
      );
    });
  });

  test("interceptors see each request", () => {
    assert.ok(intercepted.includes("start ask-price"));
    assert.ok(intercepted.includes("cancel deliver"));
  });

  test("a worker's services are checked", async () => {
    const options = { connection: target.connection, taskQueue };
    await assert.rejects(
      Worker.create({ ...options, nexusServices: [shopHandler, shopHandler] }),
      /service shop is given twice/,
    );
    await assert.rejects(
      Worker.create({ ...options, nexusServices: [{} as never] }),
      /must be made by serviceHandler\(\)/,
    );
  });
});
