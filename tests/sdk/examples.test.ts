/** The examples, started as their readers start them. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { MigrationReport } from "../../examples/data-migration/activities.ts";
import { readMigrated } from "../../examples/data-migration/tables.ts";
import { runDemo } from "../../examples/demo.ts";
import { processFile } from "../../examples/file-processing/workflows.ts";
import { freePort, startPawl } from "../rig/server.ts";
import { ExampleProgram, outputOf, startWorker } from "./example-program.ts";
import { startCollector } from "./otlp-collector.ts";
import { newId, useTarget } from "./target.ts";

const target = useTarget();

const address = () => target.server.address;
const start = (t: TestContext, example: string, env: Record<string, string> = {}, args: readonly string[] = []) =>
  startWorker(t, example, { address: address(), env, args });
const output = (file: string, args: readonly string[] = []) => outputOf(file, { address: address(), args });

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("greeting", () => {
  test("greets", async (t) => {
    const worker = await start(t, "greeting");
    assert.equal(await output("greeting/start.ts", ["Ada"]), "Hello, Ada!\n");
    await worker.stop();
  });
});

describe("order processing", () => {
  test("an order completes; a declined payment cancels its order", async (t) => {
    const worker = await start(t, "order-processing");
    const paid = await output("order-processing/start.ts", [newId("order"), "4990"]);
    assert.match(paid, /Result: {"status":"completed","notified":2}\nStatus: completed/);
    const declined = await output("order-processing/start.ts", [newId("order"), "999999"]);
    assert.match(declined, /Result: {"status":"cancelled","reason":"PaymentDeclined","notified":2}\nStatus: cancelled/);
    await worker.stop();
  });
});

describe("loan approval", () => {
  test("a good applicant is approved though the bureau cannot be reached at first, a forged document is found", async (t) => {
    const ledger = await mkdtemp(join(tmpdir(), "pawl-loan-"));
    t.after(() => rm(ledger, { recursive: true }));
    const worker = await start(t, "loan-approval", { LOAN_LEDGER: ledger });
    // By the formula of this example, erin has 825 points and bob 446.
    assert.match(await output("loan-approval/start.ts", ["erin"]), /"approved":true,"amount":10000,"interestRate":5.5/);
    assert.match(await output("loan-approval/start.ts", ["erin", "forged-payslip"]), /Document verification failed/);
    assert.match(await output("loan-approval/start.ts", ["bob"]), /Insufficient credit score/);
    assert.equal((await readdir(ledger)).length, 4, "three scores and one approval are remembered");
    await worker.stop();
  });
});

describe("file processing", () => {
  test("a worker that is killed in the middle is replaced, and the file is not read from its beginning", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pawl-file-"));
    t.after(() => rm(folder, { recursive: true }));
    const path = join(folder, "large.txt");
    const lines = 70_000;
    await writeFile(path, "two words\n".repeat(lines));
    const first = await start(t, "file-processing");
    const options = { workflowId: newId("file"), taskQueue: "file-processing", args: [path] as [string] };
    const handle = await target.client.workflow.start(processFile, options);
    // Heartbeats are throttled to 0.8 of their timeout: the second one carries progress.
    const progress = async () => {
      const [pending] = (await handle.describe()).raw.pendingActivities;
      const payload = pending?.heartbeatDetails?.payloads[0];
      return payload ? (JSON.parse(new TextDecoder().decode(payload.data)) as { lines: number }).lines : 0;
    };
    while ((await progress()) <= 1_000) await new Promise((resolve) => setTimeout(resolve, 20));
    await first.kill9();
    const second = await start(t, "file-processing");
    const report = await handle.result();
    assert.deepEqual([report.lines, report.words, report.longestLine], [lines, 2 * lines, 9]);
    assert.ok(report.resumedAt > 1_000, `${report.resumedAt}`);
    assert.deepEqual(await readdir(folder), ["large.txt"]);
    await second.stop();
  });

  test("a cancelled one cleans up", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pawl-file-"));
    t.after(() => rm(folder, { recursive: true }));
    const path = join(folder, "large.txt");
    await writeFile(path, "two words\n".repeat(200_000));
    const worker = await start(t, "file-processing");
    const options = { workflowId: newId("file"), taskQueue: "file-processing", args: [path] as [string] };
    const handle = await target.client.workflow.start(processFile, options);
    while ((await readdir(folder)).length === 1) await new Promise((resolve) => setTimeout(resolve, 20));
    await handle.cancel();
    await assert.rejects(handle.result(), /cancelled/);
    assert.deepEqual(await readdir(folder), ["large.txt"]);
    await worker.stop();
  });
});

describe("data migration", () => {
  test("a worker that is killed, and one that stops, hand over to the next", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pawl-migration-"));
    t.after(() => rm(folder, { recursive: true }));
    const first = await start(t, "data-migration");
    const options = { address: address(), args: [folder, "4000"] };
    const migration = new ExampleProgram("data-migration/start.ts", options);
    await migration.prints(/Started/);
    const migrated = async () => (await readMigrated(join(folder, "people"))).length;
    await until(async () => (await migrated()) > 500);
    await first.kill9();
    const second = await start(t, "data-migration");
    const before = await migrated();
    // Rows that were there before are written again: new ones tell that the second worker is further than the first.
    await until(async () => (await migrated()) > before);
    await second.stop();
    const third = await start(t, "data-migration");
    const report = JSON.parse((await migration.output()).split("Report: ")[1]!) as MigrationReport;
    assert.equal(report.rows, 4_000);
    assert.ok(report.attempts >= 3, `${report.attempts}`);
    assert.ok(report.resumedAt >= before, `${report.resumedAt} of ${before}`);
    await third.stop();
  });
});

describe("deadline-aware work", () => {
  test("no attempt times out, and the slices add up", async (t) => {
    const worker = await start(t, "deadline-aware");
    const { pages, slices } = JSON.parse((await output("deadline-aware/start.ts", ["24"])).slice("Rendered: ".length));
    assert.equal(pages, 24);
    assert.ok(slices.length >= 3, `${slices}`);
    assert.equal(
      slices.reduce((sum: number, slice: number) => sum + slice, 0),
      24,
    );
    assert.doesNotMatch(worker.printed, /failed/i);
    await worker.stop();
  });
});

describe("resilient processing", () => {
  test("what may help is tried again, what cannot help is not", async (t) => {
    const worker = await start(t, "resilient-processing");
    assert.equal(
      await output("resilient-processing/start.ts"),
      [
        "plain-1: processed (attempt 1)",
        "flaky-2: processed (attempt 3)",
        "busy-3: processed (attempt 2)",
        "slow-4: processed (attempt 2)",
        "invalid-5: rejected (InvalidRecord: a field is missing)",
        "huge-6: rejected (RangeError: the amount is out of range)",
        "down-7: given up (Error: service unavailable)\n",
      ].join("\n"),
    );
    await worker.stop();
  });
});

describe("human approval", () => {
  test("the decision outlasts server and worker, and is taken once, by link or by token", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pawl-approval-"));
    const [port, httpPort] = [await freePort(), await freePort()];
    const serve = () =>
      startPawl({ port, dbFilename: join(folder, "state.db"), args: ["--http-port", String(httpPort)] });
    let server = await serve();
    t.after(async () => {
      await server.stop();
      await rm(folder, { recursive: true });
    });
    const options = { address: server.address, env: { PAWL_HTTP_ADDRESS: `http://127.0.0.1:${httpPort}` } };
    const post = async (url: string, body: unknown) =>
      (await fetch(url, { method: "POST", body: JSON.stringify(body) })).status;
    const worker = await startWorker(t, "human-approval", options);
    const ask = async (title: string) => {
      const asking = new ExampleProgram("human-approval/start.ts", { ...options, args: [title, "400"] });
      const [, link, token] = await worker.prints(new RegExp(`"${title}"[^]*?link: (\\S+)\\s+task token: (\\S+)\n`));
      return { asking, link: link!, token: token! };
    };
    const desk = await ask("a desk");
    const lamp = await ask("a lamp");
    await worker.kill9();
    await server.kill9();
    server = await serve();
    assert.equal(await post(desk.link, { result: { approved: true, approver: "alice" } }), 200);
    assert.equal(await post(desk.link, { result: { approved: true, approver: "mallory" } }), 410);
    const completion = `http://127.0.0.1:${httpPort}/complete-activity`;
    const refusal = { task_token: lamp.token, result: { approved: false, approver: "bob" } };
    assert.equal(await post(completion, refusal), 200);
    assert.equal(await post(completion, refusal), 404);
    const second = await startWorker(t, "human-approval", options);
    assert.match(await desk.asking.output(), /Result: 400 paid for a desk, approved by alice\n/);
    assert.match(await lamp.asking.output(), /Result: refused by bob\n/);
    await second.stop();
  });
});

describe("local activities", () => {
  test("short steps leave markers and no events of activities", async (t) => {
    const worker = await start(t, "local-activities");
    const printed = await output("local-activities/start.ts", ["book", "lamp", "pen"]);
    assert.match(printed, /Offer: {"total":7902,"reservation":"offer-\d+: 3 items"}/);
    assert.match(printed, /events: 4 local activities, 1 ordinary/);
    await worker.stop();
  });
});

describe("saga", () => {
  test("what was done is taken back in reverse order, by failure and by cancellation", async (t) => {
    const worker = await start(t, "saga");
    const deeds = (tripId: string) =>
      [...worker.printed.matchAll(new RegExp(`^${tripId}: (.*),`, "gm"))].map(([, deed]) => deed);
    const [whole, soldOut, cancelled] = [newId("trip"), newId("trip"), newId("trip")];
    assert.match(await output("saga/start.ts", [whole]), /Booked: hotel Ritz, flight LH 1, car small\n/);
    assert.deepEqual(deeds(whole), ["hotel booked", "flight booked", "car booked"]);
    assert.match(await output("saga/start.ts", [soldOut, "sold-out"]), /Not booked: the trip was not booked\n/);
    assert.deepEqual(deeds(soldOut), [
      ...["hotel booked", "flight booked"],
      ...["car had not been booked", "flight cancelled", "hotel cancelled"],
    ]);
    const options = { address: address(), args: [cancelled, "small", "60"] };
    const waiting = new ExampleProgram("saga/start.ts", options);
    await worker.prints(new RegExp(`${cancelled}: flight booked`));
    waiting.interrupt();
    assert.match(await waiting.output(), /Not booked: .*canceled/i);
    assert.deepEqual(deeds(cancelled), ["hotel booked", "flight booked", "flight cancelled", "hotel cancelled"]);
    await worker.stop();
  });
});

describe("polling", () => {
  test("three ways, and none fills the history", async (t) => {
    const worker = await start(t, "polling");
    const lines = (await output("polling/start.ts")).trim().split("\n");
    assert.deepEqual(
      lines.map((line) => line.replace(/ \d+ events/, "")),
      ["frequent: printed,", "infrequent: printed,", "sequence: printed,"],
    );
    for (const line of lines) assert.ok(Number(line.match(/(\d+) events/)?.[1]) <= 20, line);
    await worker.stop();
  });
});

describe("complex progress", () => {
  test("the second attempt does the third stage alone, and whoever waits sees how far it is", async (t) => {
    const worker = await start(t, "complex-progress");
    const printed = await output("complex-progress/start.ts", ["250"]);
    assert.match(printed, /encode: frame \d+ of 250/);
    assert.match(printed, /Report: {"scenes":10,"bytes":170000,"attempts":2,"skipped":\["analyse","encode"\]}/);
    await worker.stop();
  });
});

describe("schedule", () => {
  test("actions are taken by the clock, and those of a morning in the past are made up for", async (t) => {
    const worker = await start(t, "schedule");
    const lines = (await output("schedule/start.ts", [newId("reports")])).trim().split("\n");
    assert.match(lines[1]!, /^paused: that was enough; \d+ reports in all/);
    assert.deepEqual(lines.slice(2).sort(), [
      ...["sales report for 2026-01-05T09:00:00.000Z", "sales report for 2026-01-05T10:00:00.000Z"],
      "sales report for 2026-01-05T11:00:00.000Z",
    ]);
    await worker.stop();
  });
});

describe("shopping cart", () => {
  test("updates answer, refusals leave no trace, and the cart outlives its runs", async (t) => {
    const worker = await start(t, "shopping-cart");
    const cart = newId("cart");
    assert.deepEqual((await output("shopping-cart/start.ts", [cart])).trim().split("\n"), [
      'Cart: {"items":{"book":2},"total":3980,"generation":0}',
      "-1 × pen refused: -1 is no quantity",
      "98 × book refused: at most 99 of book",
      "1 × unicorn refused: there is no unicorn in the shop",
      'Cart: {"items":{"book":2,"pen":25},"total":7730,"generation":2}',
      `Checked out: order of ${cart} for 7730`,
      `Result: order of ${cart} for 7730`,
    ]);
    await worker.stop();
  });
});

describe("child fan-out", () => {
  test("the parts add up, and the one that failed is named", async (t) => {
    const worker = await start(t, "child-fan-out");
    const printed = await output("child-fan-out/start.ts", ["20000", "1000", "5"]);
    // There are 2,262 primes below 20,000, 105 of them from 13,000 to 14,000.
    assert.match(printed, /Census: {"primes":2157,"parts":20,"failed":\[{"from":13000,"to":14000}\]}/);
    await worker.stop();
  });
});

describe("versioning", () => {
  test("a run of the first version goes on as it began, in a worker of the second", async (t) => {
    const [old, young] = [newId("parcel"), newId("parcel")];
    const first = await start(t, "versioning", {}, ["1"]);
    await output("versioning/start.ts", [old]);
    const handle = target.client.workflow.getHandle(old);
    await until(async () =>
      (await handle.fetchHistory()).events.some((event) => event.activityTaskCompletedEventAttributes),
    );
    await first.stop();
    const second = await start(t, "versioning", {}, ["2"]);
    await output("versioning/start.ts", [young]);
    assert.equal(await output("versioning/pick-up.ts", [old]), `Result: ${old} billed, ${old} shipped\n`);
    assert.equal(
      await output("versioning/pick-up.ts", [young]),
      `Result: ${young} insured, ${young} billed, ${young} shipped\n`,
    );
    const forward = await output("versioning/replay.ts", ["2", old, young]);
    assert.equal(forward.match(/: replays$/gm)?.length, 2, forward);
    const back = await output("versioning/replay.ts", ["1", old, young]);
    assert.match(back, new RegExp(`^${old} on \\S+: replays\n${young} on \\S+: does not replay: `));
    await second.stop();
  });
});

describe("interceptors and OpenTelemetry", () => {
  test("one trace over two processes reaches a collector, and activities know the tenant", async (t) => {
    const collector = await startCollector();
    t.after(() => collector.stop());
    const options = { address: address(), env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } };
    const worker = await startWorker(t, "interceptors-opentelemetry", options);
    const printed = await outputOf("interceptors-opentelemetry/start.ts", { ...options, args: ["acme"] });
    assert.match(printed, /Result: month 1 charged to acme, month 2 charged to acme\n/);
    await worker.prints(/span RunWorkflow:subscription trace/);
    // Both send what they have before they end.
    await worker.stop();
    const { spans } = collector;
    const names = spans.map(({ service, name }) => `${service} ${name}`);
    assert.deepEqual(names.toSorted(), [
      "subscriptions-client StartWorkflow:subscription",
      ...["subscriptions-worker RunActivity:charge", "subscriptions-worker RunActivity:charge"],
      "subscriptions-worker RunWorkflow:subscription",
      ...["subscriptions-worker StartActivity:charge", "subscriptions-worker StartActivity:charge"],
    ]);
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
    const lineage = (spanId: string | undefined): string[] => {
      const span = spans.find((each) => each.spanId === spanId);
      return span ? [span.name, ...lineage(span.parentSpanId)] : [];
    };
    for (const { name, spanId } of spans) {
      if (name !== "RunActivity:charge") continue;
      assert.deepEqual(lineage(spanId), [
        ...["RunActivity:charge", "StartActivity:charge", "RunWorkflow:subscription", "StartWorkflow:subscription"],
      ]);
    }
    for (const { spanId, traceId } of spans) {
      assert.match(printed + worker.printed, new RegExp(`trace=${traceId} id=${spanId} `), "what is sent is printed");
    }
  });
});

describe("encryption", () => {
  test("client and worker understand each other, and the server has nothing but cipher", async (t) => {
    const worker = await start(t, "encryption");
    const printed = await output("encryption/start.ts", ["Ada Lovelace"]);
    assert.match(
      printed,
      /Result: honey for Ada Lovelace\nQuery: cough\nThe server has: binary\/encrypted, key demo\n/,
    );
    const [, workflowId] = printed.match(/^Workflow: (\S+)$/m)!;
    const { events } = await target.client.workflow.getHandle(workflowId!).fetchHistory();
    const stored = JSON.stringify(events, (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    );
    assert.match(stored, /prescribe/);
    assert.doesNotMatch(stored, /Lovelace|cough|honey/);
    await worker.stop();
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
