/** The examples, started as their readers start them. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runDemo } from "../../examples/demo.ts";
import { processFile } from "../../examples/file-processing/workflows.ts";
import { endWithThisProcess } from "../rig/server.ts";
import { newId, useTarget } from "./target.ts";

const target = useTarget();
const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

function start(file: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [join(examples, file), ...args], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, PAWL_ADDRESS: target.server.address, ...env },
  });
  endWithThisProcess(child);
  return child;
}

async function startWorker(t: TestContext, example: string, env?: Record<string, string>): Promise<ChildProcess> {
  const child = start(`${example}/worker.ts`, [], env);
  // A worker without its server would try again for ever, and keep the test process.
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout!, "data");
  return child;
}

async function stop(child: ChildProcess): Promise<number | null> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  return (await ended)[0] as number | null;
}

async function output(file: string, args: readonly string[]): Promise<string> {
  const child = start(file, args);
  const chunks: Buffer[] = [];
  child.stdout!.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(child, "close");
  assert.equal(code, 0, Buffer.concat(chunks).toString());
  return Buffer.concat(chunks).toString();
}

describe("order processing", () => {
  test("an order completes; a declined payment cancels its order", async (t) => {
    const worker = await startWorker(t, "order-processing");
    const paid = await output("order-processing/start.ts", [newId("order"), "4990"]);
    assert.match(paid, /Result: {"status":"completed","notified":2}\nStatus: completed/);
    const declined = await output("order-processing/start.ts", [newId("order"), "999999"]);
    assert.match(declined, /Result: {"status":"cancelled","reason":"PaymentDeclined","notified":2}\nStatus: cancelled/);
    assert.equal(await stop(worker), 0);
  });
});

describe("loan approval", () => {
  test("a good applicant is approved though the bureau cannot be reached at first, a forged document is found", async (t) => {
    const ledger = await mkdtemp(join(tmpdir(), "pawl-loan-"));
    t.after(() => rm(ledger, { recursive: true }));
    const worker = await startWorker(t, "loan-approval", { LOAN_LEDGER: ledger });
    // By the formula of this example, erin has 825 points and bob 446.
    assert.match(await output("loan-approval/start.ts", ["erin"]), /"approved":true,"amount":10000,"interestRate":5.5/);
    assert.match(await output("loan-approval/start.ts", ["erin", "forged-payslip"]), /Document verification failed/);
    assert.match(await output("loan-approval/start.ts", ["bob"]), /Insufficient credit score/);
    assert.equal((await readdir(ledger)).length, 4, "three scores and one approval are remembered");
    assert.equal(await stop(worker), 0);
  });
});

describe("file processing", () => {
  test("a worker that is killed in the middle is replaced, and the file is not read from its beginning", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pawl-file-"));
    t.after(() => rm(folder, { recursive: true }));
    const path = join(folder, "large.txt");
    const lines = 100_000;
    await writeFile(path, "two words\n".repeat(lines));
    const first = await startWorker(t, "file-processing");
    const options = { workflowId: newId("file"), taskQueue: "file-processing", args: [path] as [string] };
    const handle = await target.client.workflow.start(processFile, options);
    // Heartbeats are throttled to 0.8 of their timeout: the second one carries progress.
    const progress = async () => {
      const [pending] = (await handle.describe()).raw.pendingActivities;
      const payload = pending?.heartbeatDetails?.payloads[0];
      return payload ? (JSON.parse(new TextDecoder().decode(payload.data)) as { lines: number }).lines : 0;
    };
    while ((await progress()) <= 1_000) await new Promise((resolve) => setTimeout(resolve, 20));
    first.kill("SIGKILL");
    await once(first, "exit");
    const second = await startWorker(t, "file-processing");
    const report = await handle.result();
    assert.deepEqual([report.lines, report.words, report.longestLine], [lines, 2 * lines, 9]);
    assert.ok(report.resumedAt > 1_000, `${report.resumedAt}`);
    assert.deepEqual(await readdir(folder), ["large.txt"]);
    assert.equal(await stop(second), 0);
  });

  test("a cancelled one cleans up", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pawl-file-"));
    t.after(() => rm(folder, { recursive: true }));
    const path = join(folder, "large.txt");
    await writeFile(path, "two words\n".repeat(200_000));
    const worker = await startWorker(t, "file-processing");
    const options = { workflowId: newId("file"), taskQueue: "file-processing", args: [path] as [string] };
    const handle = await target.client.workflow.start(processFile, options);
    while ((await readdir(folder)).length === 1) await new Promise((resolve) => setTimeout(resolve, 20));
    await handle.cancel();
    await assert.rejects(handle.result(), /cancelled/);
    assert.deepEqual(await readdir(folder), ["large.txt"]);
    assert.equal(await stop(worker), 0);
  });
});

test("the demo tells its story once", async () => {
  const { address } = target.server;
  const namespace = newId("demo");
  const workflowExecutionRetentionPeriod = { seconds: 86_400, nanos: 0 };
  await target.connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
  const tell = async (orders: number) => {
    const lines: string[] = [];
    const onProgress = (line: string) => lines.push(line);
    const demo = await runDemo({ address, namespace, orders, everyMs: 10, onProgress });
    await demo.finished;
    await demo.stop();
    return lines;
  };
  const first = await tell(4);
  assert.deepEqual(
    first
      .filter((line) => /started|completed|cancelled/.test(line))
      .map((line) => line.replace(/ started.*/, " started")),
    [
      ...["demo-order-1 started", "demo-order-1 completed", "demo-order-2 started", "demo-order-2 completed"],
      ...["demo-order-3 started", "demo-order-3 cancelled: OutOfStock"],
      ...["demo-order-4 started", "demo-order-4 cancelled: PaymentDeclined"],
    ],
  );
  assert.ok(first.some((line) => /processPayment failed at attempt 1, trying again/.test(line)));
  assert.deepEqual(await tell(4), ["4 orders were placed before: the demo starts no more"]);
});
