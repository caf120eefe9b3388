/** Server-sent events over real sockets: a run's history, and an activity's progress. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { EventReader } from "./raw-http.ts";
import { Waiting } from "./route/waiting-activity.ts";

const root = "/api/v1/namespaces/default/workflows";

const start = (waiting: Waiting, id: string) =>
  waiting.post(`${root}/${id}`, { workflowType: { name: "T" }, taskQueue: { name: "q" } });

async function take(reader: EventReader, count: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let index = 0; index < count; index++) {
    const event = await reader.next();
    assert.ok(event, `the stream ended after ${index} events`);
    seen.push(event.type === "message" ? event.data["eventType"] : event.type);
  }
  return seen;
}

const [started, scheduled, signaled, terminated] = [
  "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
  "EVENT_TYPE_WORKFLOW_TASK_SCHEDULED",
  "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
  "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED",
];

describe("a history", () => {
  test("is followed to its end, payloads in shorthand", async (t) => {
    const waiting = await Waiting.open(t);
    await start(waiting, "w");
    const reader = await waiting.follow(`${root}/w/history`);
    assert.deepEqual([reader.status, reader.headers["content-type"]], [200, "text/event-stream"]);
    assert.deepEqual(await take(reader, 2), [started, scheduled]);
    await waiting.post(`${root}/w/signal/go`, { input: [{ a: 1 }] });
    const signal = await reader.next();
    assert.match(signal!.id!, /^[0-9a-f-]{36}:3$/);
    assert.deepEqual((signal!.data["workflowExecutionSignaledEventAttributes"] as { input: unknown }).input, [
      { a: 1 },
    ]);
    await waiting.post(`${root}/w/terminate`, {});
    assert.deepEqual(await take(reader, 2), [terminated, "end"]);
    assert.equal(await reader.next(), undefined);
  });

  test("goes on after the event that was seen last, in the same run, and is over when there is nothing more", async (t) => {
    const waiting = await Waiting.open(t);
    const { json } = await start(waiting, "w");
    const runId = String(json["runId"]);
    await waiting.post(`${root}/w/signal/go`, {});
    await waiting.post(`${root}/w/terminate`, {});
    await start(waiting, "w");
    for (const [path, headers] of [
      [`${root}/w/history`, { "last-event-id": `${runId}:2` }],
      [`${root}/w/history?lastEventId=${runId}:2`, {}],
      [`/namespaces/default/workflows/w/history?execution.runId=${runId}&lastEventId=${runId}:2`, {}],
    ] as const)
      assert.deepEqual(await take(await waiting.follow(path, headers), 3), [signaled, terminated, "end"]);
    const whole = await waiting.follow(`${root}/w/history?execution.runId=${runId}&maximumPageSize=1`);
    assert.deepEqual(await take(whole, 5), [started, scheduled, signaled, terminated, "end"]);
    const over = await waiting.follow(`${root}/w/history`, { "last-event-id": `${runId}:4` });
    assert.equal(over.status, 204);
  });

  test("refuses with a problem what cannot be followed", async (t) => {
    const waiting = await Waiting.open(t);
    const runId = String((await start(waiting, "w")).json["runId"]);
    const table = [
      [`${root}/nobody/history`, "", 404, /^workflow not found for ID: nobody$/],
      [`${root}/w/history`, "7", 400, /^Last-Event-ID is `<run id>:<event id>`/],
      [`${root}/w/history`, `${runId}:9`, 400, /^the run has no event 9: its last one is 2$/],
      [
        `${root}/w/history?execution.runId=${crypto.randomUUID()}`,
        `${runId}:1`,
        400,
        /^Last-Event-ID is of another run$/,
      ],
      [`${root}/w/history?execution.runId=x`, "", 400, /^Invalid RunId\.$/],
      ["/api/v1/namespaces/nobody/workflows/w/history", "", 404, /^Namespace nobody is not found\.$/],
      [`${root}/w`, "", 406, /^the answer is application\/json/],
    ] as const;
    for (const [path, seen, status, message] of table) {
      const headers = { accept: "text/event-stream", ...(seen !== "" && { "last-event-id": seen }) };
      const answer = await waiting.ask(`GET ${path}`, { headers });
      assert.equal(answer.status, status, answer.text);
      assert.match(String(answer.json["message"]), message);
    }
  });

  test("is let go of when its reader goes, ends when the server stops", async (t) => {
    const waiting = await Waiting.open(t, { metricsPort: 0 });
    await start(waiting, "w");
    const readers = await Promise.all([1, 2].map(() => waiting.follow(`${root}/w/history`)));
    for (const reader of readers) await take(reader, 2);
    assert.equal(await waiting.pending(), 2);
    readers[0]!.close();
    while ((await waiting.pending()) > 1);
    const ended = readers[1]!.next();
    await waiting.stop();
    assert.equal(await ended, undefined);
  });

  test("ends after a while without saying that it is over, so that its reader connects again", async (t) => {
    const clock = new ManualClock(Date.now());
    const waiting = await Waiting.open(t, { clock });
    await start(waiting, "w");
    const reader = await waiting.follow(`${root}/w/history`);
    await take(reader, 2);
    clock.advance(limits.callMsMax);
    assert.equal(await reader.next(), undefined);
    assert.equal(reader.response.complete, true);
  });

  test("a reader that takes nothing is cut off, and costs no more than what is under way", async (t) => {
    const clock = new ManualClock(Date.now());
    const waiting = await Waiting.open(t, { clock, metricsPort: 0 });
    await start(waiting, "w");
    const text = "x".repeat(1_000_000);
    for (let count = 0; count < 24; count++) await waiting.post(`${root}/w/signal/go`, { input: [text] });
    const reader = await waiting.follow(`${root}/w/history`);
    reader.response.pause();
    const before = process.memoryUsage().rss;
    while ((await waiting.pending()) > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(limits.streamStallMsMax / 10);
    }
    assert.ok(process.memoryUsage().rss - before < 100e6);
    reader.response.resume();
    await new Promise((resolve) => reader.response.once("close", resolve));
    assert.equal(reader.response.complete, false);
  });
});

describe("an activity's progress", () => {
  const path = `${root}/w/activities/approve/progress`;

  test("is told whenever it changes, until the activity ends", async (t) => {
    const waiting = await (await Waiting.open(t)).begin("w", { maximumAttempts: 2 });
    const { json } = await waiting.ask(`GET ${path}`);
    assert.deepEqual([json["state"], json["attempt"]], ["PENDING_ACTIVITY_STATE_STARTED", 1]);
    const reader = await waiting.follow(path);
    assert.equal((await reader.next())!.data["attempt"], 1);
    for (const percent of [10, 20]) {
      await waiting.post("/heartbeat-activity", { task_token: waiting.token, details: { percent } });
      assert.deepEqual((await reader.next())!.data["heartbeatDetails"], [{ percent }]);
    }
    await waiting.post("/fail-activity", { task_token: waiting.token, error: "again" });
    let seen = (await reader.next())!.data;
    await waiting.poll();
    while (seen["attempt"] !== 2 || seen["state"] !== "PENDING_ACTIVITY_STATE_STARTED")
      seen = (await reader.next())!.data;
    assert.equal((seen["lastFailure"] as { message: string }).message, "again");
    await waiting.post("/complete-activity", { task_token: waiting.token });
    assert.deepEqual(await take(reader, 1), ["end"]);
    assert.equal(await reader.next(), undefined);
    const over = await waiting.ask(`GET ${path}`);
    assert.deepEqual([over.status, over.json["code"]], [404, 5]);
  });

  test("of an activity that is not there is refused", async (t) => {
    const waiting = await (await Waiting.open(t)).begin();
    for (const [line, status] of [
      [`GET ${path.replace("approve", "other")}`, 404],
      [`GET ${path.replace("/w/", "/other/")}`, 404],
      [`GET ${path.replace("default", "nobody")}`, 404],
      [`GET ${path}?runId=x`, 400],
      [`POST ${path}`, 405],
    ] as const)
      assert.equal((await waiting.ask(line, { headers: { accept: "text/event-stream" } })).status, status);
  });
});
