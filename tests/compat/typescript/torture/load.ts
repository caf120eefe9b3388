/**
 * node load.ts ADDRESS LANGUAGE...: the load of the torture test, for the workers of these languages. Prints a line of JSON for everything that the server has acknowledged:
 * {"started": ID}, {"signaled": [ID, N]}, {"approved": [ID, TEXT]}. What fails is repeated with the same request id until it is acknowledged.
 * A line "finish" on standard input lets it start nothing new and end once every workflow has all it was promised.
 */
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Client, Connection, isGrpcServiceError } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { order, queueOf, workflowIdOf } from "./order.ts";

const [address, ...languages] = process.argv.slice(2);
if (!address || languages.length === 0) throw new Error("ADDRESS and LANGUAGE are needed");
const client = new Client({ connection: await Connection.connect({ address, connectTimeout: "30s" }) });
const namespace = "default";
const lines = 12;
let finishing = false;

function acknowledge(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const [cancelled, unknown, deadline, notFound, exhausted, unavailable] = [1, 2, 4, 5, 8, 14];

/** Repeats the call until it is acknowledged. `retryNotFound`: what is asked for is not there yet. */
async function insist<T>(call: () => Promise<T>, { retryNotFound = false } = {}): Promise<T> {
  const again = [cancelled, unknown, deadline, exhausted, unavailable, ...(retryNotFound ? [notFound] : [])];
  for (;;) {
    try {
      return await client.connection.withDeadline(Date.now() + 3_000, call);
    } catch (error) {
      if (!isGrpcServiceError(error) || !again.includes(error.code)) throw error;
      await delay(20 + Math.random() * 80);
    }
  }
}

async function promise(workflowId: string, language: string): Promise<void> {
  const { workflowService } = client;
  const payloads = (...values: unknown[]) => ({
    payloads: values.map((value) => defaultPayloadConverter.toPayload(value)!),
  });
  const requestId = randomUUID();
  await insist(() =>
    workflowService.startWorkflowExecution({
      namespace,
      workflowId,
      requestId,
      workflowType: { name: "torture" },
      taskQueue: { name: queueOf(language) },
      input: payloads(order),
    }),
  );
  acknowledge({ started: workflowId });
  for (let value = 1; value <= order.signals; value++) {
    const signalId = randomUUID();
    await insist(() =>
      workflowService.signalWorkflowExecution({
        namespace,
        workflowExecution: { workflowId },
        signalName: "bump",
        requestId: signalId,
        input: payloads(value),
      }),
    );
    acknowledge({ signaled: [workflowId, value] });
    await delay(Math.random() * 30);
  }
  const text = `approved ${randomUUID()}`;
  await untilApprovalWaits(workflowId);
  const approved = await approve(workflowId, text, payloads(text));
  if (approved) acknowledge({ approved: [workflowId, text] });
}

async function untilApprovalWaits(workflowId: string): Promise<void> {
  for (;;) {
    const { pendingActivities } = await insist(() =>
      client.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } }),
    );
    if (pendingActivities?.some((activity) => activity.activityType?.name === "approve")) return;
    await delay(50);
  }
}

/** True when this very call was acknowledged. A repetition that finds nothing to complete is a success whose answer was lost. */
async function approve(workflowId: string, text: string, result: object): Promise<boolean> {
  const { pendingActivities } = await insist(() =>
    client.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } }),
  );
  const activityId = pendingActivities?.find((activity) => activity.activityType?.name === "approve")?.activityId ?? "";
  try {
    await insist(() =>
      client.workflowService.respondActivityTaskCompletedById({
        namespace,
        workflowId,
        activityId,
        result,
        identity: text,
      }),
    );
    return true;
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === notFound) return false;
    throw error;
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "finish") finishing = true;
});

async function line(number: number): Promise<void> {
  const language = languages[number % languages.length]!;
  for (let count = 0; !finishing; count++) await promise(workflowIdOf(language, number, count), language);
}

await Promise.all(Array.from({ length: lines }, (_, number) => line(number)));
process.exit(0);
