/** Activities ended over HTTP: by token, and by links. Workers are played over gRPC. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ManualClock } from "../../clock.ts";
import { jsonOf } from "../../frontend/in-process.ts";
import { namespace, Waiting } from "./waiting-activity.ts";

describe("by token", () => {
  test("an activity is completed with any JSON, as the human approval does it, and only once", async (t) => {
    const waiting = await (await Waiting.open(t)).begin();
    const body = { task_token: waiting.token, result: { approved: true, approver: "alice" } };
    const completed = await waiting.post("/complete-activity", body);
    assert.deepEqual([completed.status, completed.json], [200, {}]);
    const { activityTaskCompletedEventAttributes } = await waiting.lastEvent();
    assert.deepEqual(jsonOf(activityTaskCompletedEventAttributes!.result), [{ approved: true, approver: "alice" }]);
    const again = await waiting.post("/complete-activity", body);
    assert.deepEqual([again.status, again.json["code"]], [404, 5]);
  });

  test("it is kept alive, told of a cancellation, and failed with a reason", async (t) => {
    const waiting = await (await Waiting.open(t)).begin();
    const beat = { taskToken: waiting.token, details: { percent: 40 }, identity: "form" };
    assert.deepEqual((await waiting.post("/heartbeat-activity", beat)).json, {});
    const described = await waiting.grpc("DescribeWorkflowExecution", { namespace, execution: { workflowId: "w" } });
    assert.deepEqual(jsonOf(described.pendingActivities[0]!.heartbeatDetails), [{ percent: 40 }]);
    const error = { message: "out of stock", type: "OutOfStock", nonRetryable: true, details: [1] };
    assert.equal((await waiting.post("/fail-activity", { task_token: waiting.token, error })).status, 200);
    const { failure } = (await waiting.lastEvent()).activityTaskFailedEventAttributes!;
    assert.equal(failure!.message, "out of stock");
    const { type, nonRetryable, details } = failure!.applicationFailureInfo!;
    assert.deepEqual([type, nonRetryable, jsonOf(details)], ["OutOfStock", true, [[1]]]);
    const canceled = await waiting.post("/cancel-activity", { task_token: waiting.token });
    assert.deepEqual([canceled.status, canceled.json["code"]], [404, 5]);
  });

  test("each refusal names what is wrong", async (t) => {
    const waiting = await (await Waiting.open(t)).begin();
    const { token: task_token } = waiting;
    const forged = `${task_token.slice(0, -4)}AAA=`;
    const table = [
      ["/complete-activity", {}, /^task_token: the activity's task token is expected, as base64$/],
      ["/complete-activity", { task_token: 5 }, /^taskToken: bytes are written as base64, not as a number$/],
      ["/complete-activity", { task_token: "AAAA" }, /^Error deserializing task token\.$/],
      ["/complete-activity", { task_token: forged }, /^Error deserializing task token\.$/],
      [
        "/complete-activity",
        { task_token, taskToken: task_token },
        /^taskToken: it cannot be set together with task_token$/,
      ],
      [
        "/complete-activity",
        { task_token, reslut: 1 },
        /^reslut: one of task_token, taskToken, identity, result is expected$/,
      ],
      ["/fail-activity", { task_token }, /^error: a text or an object with a message is expected$/],
      [
        "/fail-activity",
        { task_token, error: { message: "m", code: 1 } },
        /^error\.code: message, type, nonRetryable and details/,
      ],
      ["/fail-activity", { task_token, error: { message: 1 } }, /^error\.message: a text is expected$/],
      ["/heartbeat-activity", { task_token, identity: 7 }, /^identity: a text is expected, not a number$/],
    ] as const;
    for (const [path, body, message] of table) {
      const answer = await waiting.post(path, body);
      assert.equal(answer.status, 400, answer.text);
      assert.match(String(answer.json["message"]), message);
    }
    assert.equal((await waiting.post("/complete-activity", { task_token })).status, 200);
  });
});

describe("a link", () => {
  const ids = { workflowId: "w", activityId: "approve" };
  const path = (url: unknown) => String(url).replace(/^http:\/\/127\.0\.0\.1:\d+/, "");
  const html = { accept: "text/html,*/*" };

  test("is not made for an id that is no text", async (t) => {
    const waiting = await (await Waiting.open(t)).begin();
    assert.equal((await waiting.post("/activity-link", { ...ids, workflowId: "\ud800" })).status, 404);
  });

  test("is made by ids or token, shows what it is for, and is good for one result", async (t) => {
    const waiting = await (await Waiting.open(t)).begin();
    const made = await waiting.post("/activity-link", { ...ids, expiresIn: "3600s" });
    assert.equal(made.status, 200, made.text);
    const activity = made.json["activity"] as Record<string, unknown>;
    const { startedTime, ...rest } = activity;
    assert.match(String(startedTime), /^\d{4}-/);
    assert.deepEqual(rest, {
      ...{ namespace, workflowId: "w", runId: waiting.runId, workflowType: "Order" },
      ...{ activityId: "approve", activityType: "<b>Approve</b>", attempt: 1, scheduledEventId: 5 },
    });
    const link = path(made.json["url"]);
    assert.match(link, /^\/activity-link\/[A-Za-z0-9_-]+$/);
    assert.deepEqual((await waiting.ask(`GET ${link}`)).json["activity"], activity);
    const byToken = await waiting.post("/activity-link", { task_token: waiting.token });
    const done = await waiting.post(path(byToken.json["url"]), { result: { approved: true } });
    assert.deepEqual([done.status, done.json], [200, { outcome: "completed" }]);
    assert.deepEqual(jsonOf((await waiting.lastEvent()).activityTaskCompletedEventAttributes!.result), [
      { approved: true },
    ]);
    for (const line of [`GET ${link}`, `POST ${link}`, `GET ${path(byToken.json["url"])}`]) {
      const over = await waiting.ask(line);
      assert.deepEqual([over.status, over.json["code"]], [410, 5]);
      assert.match(String(over.json["message"]), /^this link has been used/);
    }
  });

  test("fails the activity with an error, and takes whatever else is sent as the result", async (t) => {
    const waiting = await Waiting.open(t);
    const error = { message: "no", type: "Refused" };
    const table = [
      ["fails", { error }, "FAILED"],
      ["webhook", { error: "x", event: "payment" }, { error: "x", event: "payment" }],
      ["list", [1, 2], [1, 2]],
      ["nothing", undefined, null],
    ] as const;
    for (const [workflowId, body, expected] of table) {
      await waiting.begin(workflowId);
      const { json } = await waiting.post("/activity-link", { ...ids, workflowId });
      const text = body === undefined ? "" : JSON.stringify(body);
      const answer = await waiting.ask(`POST ${path(json["url"])}`, { body: text });
      assert.equal(answer.status, 200, answer.text);
      const event = await waiting.lastEvent(workflowId);
      if (expected === "FAILED") {
        assert.equal(answer.json["outcome"], "failed");
        assert.equal(event.activityTaskFailedEventAttributes!.failure!.applicationFailureInfo!.type, "Refused");
      } else if (expected !== null)
        assert.deepEqual(jsonOf(event.activityTaskCompletedEventAttributes!.result), [expected]);
      else
        assert.equal(
          String(Buffer.from(event.activityTaskCompletedEventAttributes!.result!.payloads[0]!.metadata["encoding"]!)),
          "binary/null",
        );
    }
  });

  test("shows browsers a page in which all is text, and takes its form", async (t) => {
    const waiting = await (await Waiting.open(t)).begin();
    const link = path((await waiting.post("/activity-link", ids)).json["url"]);
    const page = await waiting.ask(`GET ${link}`, { headers: html });
    assert.match(page.headers["content-type"]!, /^text\/html/);
    assert.match(
      page.headers["content-security-policy"]!,
      /^default-src 'none'; .*form-action 'self'; frame-ancestors 'none'/,
    );
    assert.ok(page.text.includes("&lt;b&gt;Approve&lt;/b&gt;") && !page.text.includes("<b>Approve"));
    const form = { "content-type": "application/x-www-form-urlencoded", ...html };
    const send = (body: URLSearchParams) => waiting.ask(`POST ${link}`, { headers: form, body: body.toString() });
    const wrong = await send(new URLSearchParams({ result: "{oops" }));
    assert.equal(wrong.status, 400);
    const done = await send(new URLSearchParams({ result: '{"ok": true}' }));
    assert.equal(done.status, 200);
    assert.match(done.text, /The activity was completed/);
    assert.deepEqual(jsonOf((await waiting.lastEvent()).activityTaskCompletedEventAttributes!.result), [{ ok: true }]);
    const used = await send(new URLSearchParams({ error: "late" }));
    assert.equal(used.status, 410);
    assert.match(used.text, /<h1>No longer needed<\/h1>/);
  });

  test("is refused when it was changed, has expired, or another server made it; none can be made for what does not wait", async (t) => {
    const clock = new ManualClock(Date.now());
    const waiting = await (await Waiting.open(t, { clock })).begin();
    const other = await (await Waiting.open(t)).begin();
    const link = path((await waiting.post("/activity-link", { ...ids, expiresIn: "60s" })).json["url"]);
    const foreign = path((await other.post("/activity-link", ids)).json["url"]);
    const middle = Math.floor(link.length / 2);
    const changed = `${link.slice(0, middle)}${link[middle] === "A" ? "B" : "A"}${link.slice(middle + 1)}`;
    for (const each of [foreign, changed, "/activity-link/x", `/activity-link/${encodeURIComponent(waiting.token)}`]) {
      const answer = await waiting.post(each, { result: 1 });
      assert.deepEqual([answer.status, answer.json["code"]], [404, 5], each);
    }
    clock.advance(60_000);
    const expired = await waiting.post(link, { result: 1 });
    assert.deepEqual([expired.status, expired.json["code"]], [410, 9]);
    const table = [
      [{ ...ids, activityId: "other" }, 404],
      [{ ...ids, workflowId: "other" }, 404],
      [{ ...ids, namespace: "nobody" }, 404],
      [{ workflowId: "w" }, 400],
      [{ ...ids, expiresIn: "1h" }, 400],
      [{ ...ids, expiresIn: "0s" }, 400],
      [{ ...ids, activity_id: "x" }, 400],
      [{ task_token: "AAAA" }, 400],
    ] as const;
    for (const [body, status] of table) {
      const answer = await other.post("/activity-link", body);
      assert.equal(answer.status, status, answer.text);
    }
  });

  test("is for one attempt: the next one needs its own", async (t) => {
    const waiting = await (await Waiting.open(t)).begin("w", { maximumAttempts: 2 });
    const link = path((await waiting.post("/activity-link", ids)).json["url"]);
    await waiting.post("/fail-activity", { task_token: waiting.token, error: "again" });
    const between = await waiting.post("/activity-link", ids);
    assert.ok(between.status === 400 && between.json["code"] === 9, between.text);
    await waiting.poll();
    assert.equal((await waiting.post(link, { result: 1 })).status, 410);
    const next = path((await waiting.post("/activity-link", ids)).json["url"]);
    assert.equal((await waiting.post(next, { result: 2 })).status, 200);
  });

  test("is for an activity without a workflow, too", async (t) => {
    const waiting = await Waiting.open(t);
    const start = { activityType: { name: "Approve" }, taskQueue: { name: "own" }, startToCloseTimeout: "60s" };
    const started = await waiting.post("/api/v1/namespaces/default/activities/own", start);
    assert.equal(started.status, 200, started.text);
    await waiting.poll("own");
    const progress = "/api/v1/namespaces/default/activities/own/progress";
    assert.equal((await waiting.ask(`GET ${progress}`)).json["attempt"], 1);
    const reader = await waiting.follow(progress);
    assert.equal((await reader.next())!.data["state"], "PENDING_ACTIVITY_STATE_STARTED");
    const made = await waiting.post("/activity-link", { activityId: "own" });
    const link = path(made.json["url"]);
    const page = await waiting.ask(`GET ${link}`, { headers: html });
    assert.ok(page.text.includes("Approve") && !page.text.includes("Workflow id"));
    assert.equal((await waiting.post(link, { result: 5 })).status, 200);
    assert.equal((await waiting.post(link, { result: 6 })).status, 410);
    const outcome = await waiting.ask("GET /api/v1/namespaces/default/activities/own/outcome");
    assert.deepEqual((outcome.json["outcome"] as { result: unknown }).result, [5]);
    assert.equal((await reader.next())!.type, "end");
    assert.equal((await waiting.ask(`GET ${progress}`)).status, 404);
  });

  test("survives a restart of the server, and begins with the public address", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-link-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const config = { dbFilename: join(folder, "pawl.db"), httpPublicUrl: "https://pawl.example.org/" };
    const first = await (await Waiting.open(t, config)).begin();
    const { json } = await first.post("/activity-link", ids);
    const url = String(json["url"]);
    assert.match(url, /^https:\/\/pawl\.example\.org\/activity-link\//);
    await first.stop();
    const second = await Waiting.open(t, config);
    const answer = await second.post(new URL(url).pathname, { result: 1 }, { host: "pawl.example.org" });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(jsonOf((await second.lastEvent()).activityTaskCompletedEventAttributes!.result), [1]);
  });
});
