/** The HTTP API over real sockets, asked as browsers, scripts and hostile programs do. */
import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { after, before, describe, type TestContext, test } from "node:test";
import { methods, workflowservice } from "@pawl/protocol";
import { systemClock } from "../clock.ts";
import { limits } from "../limits.ts";
import { type RunningServer, startServer } from "../main.ts";
import { seededRandom } from "../random.ts";
import { RawClient } from "../rpc/raw-client.ts";
import { createLog, quietTelemetry } from "../telemetry/telemetry.ts";
import { EventStream } from "./event-stream.ts";
import type { Exchange } from "./exchange.ts";
import { Guard } from "./guard.ts";
import { HttpServer } from "./http-server.ts";
import { type Asked, askHttp, EventReader } from "./raw-http.ts";
import { type Route, RouteTable } from "./route-table.ts";

let server: RunningServer;
before(async () => {
  server = await startServer({ port: 0, httpPort: 0, httpCorsOrigins: ["https://console.example.org"] });
});
after(() => server.stop());

const root = "/api/v1/namespaces/default";

const ask = (line: string, asked?: Asked) => askHttp(server.httpPort!, line, asked);
const post = (path: string, json: unknown, headers: OutgoingHttpHeaders = {}) =>
  ask(`POST ${path}`, { body: JSON.stringify(json), headers });

const start = (workflowId: string, more: object = {}) =>
  post(`${root}/workflows/${encodeURIComponent(workflowId)}`, {
    ...{ workflowType: { name: "T" }, taskQueue: { name: "q" }, ...more },
  });

describe("the API's routes", () => {
  test("start, signal, describe, history and count, by both prefixes", async () => {
    const id = "orders/17 %2F ü";
    const started = await start(id, {
      input: [1.0, "x", null],
      workflow_run_timeout: "90s",
      workflowIdReusePolicy: "AllowDuplicate",
    });
    assert.equal(started.status, 200, started.text);
    assert.equal(started.headers["content-type"], "application/json");
    const path = `${root}/workflows/${encodeURIComponent(id)}`;
    assert.equal((await post(`${path}/signal/go`, { input: [{ a: 1 }] })).status, 200);
    const described = await ask(`GET ${path}?execution.runId=${started.json["runId"]}`);
    const info = described.json["workflowExecutionInfo"] as Record<string, unknown>;
    assert.deepEqual(info["execution"], { workflowId: id, runId: started.json["runId"] });
    assert.equal(info["status"], "WORKFLOW_EXECUTION_STATUS_RUNNING");
    const history = await ask(`GET ${path.replace("/api/v1", "")}/history`);
    const { events } = history.json["history"] as { events: Record<string, Record<string, unknown>>[] };
    assert.deepEqual(
      events.map(({ eventType }) => eventType),
      [
        "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
        "EVENT_TYPE_WORKFLOW_TASK_SCHEDULED",
        "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
      ],
    );
    assert.deepEqual(events[0]!["workflowExecutionStartedEventAttributes"]!["input"], [
      1,
      "x",
      { metadata: { encoding: "YmluYXJ5L251bGw=" } },
    ]);
    assert.deepEqual(events[2]!["workflowExecutionSignaledEventAttributes"]!["input"], [{ a: 1 }]);
    const counted = await ask(`GET ${root}/workflow-count?query=${encodeURIComponent(`WorkflowId = '${id}'`)}`);
    assert.deepEqual(counted.json, { count: "1" });
  });

  test("payloads in full and indented JSON, when asked for in the query or by Accept", async () => {
    await start("formats", { memo: { fields: { a: [true] } } });
    const path = `${root}/workflows/formats`;
    const memo = async (line: string, headers: OutgoingHttpHeaders = {}) => {
      const { json, text, headers: answered } = await ask(line, { headers });
      const { fields } = (json["workflowExecutionInfo"] as { memo: { fields: object } }).memo;
      return [fields, text.includes("\n  "), answered["content-type"]];
    };
    const full = { a: { metadata: { encoding: "anNvbi9wbGFpbg==" }, data: "W3RydWVd" } };
    assert.deepEqual(await memo(`GET ${path}`), [{ a: [true] }, false, "application/json"]);
    assert.deepEqual(await memo(`GET ${path}?pretty`), [{ a: [true] }, true, "application/json+pretty"]);
    const bare = "application/json+no-payload-shorthand";
    assert.deepEqual(await memo(`GET ${path}?noPayloadShorthand`), [full, false, bare]);
    assert.deepEqual(await memo(`GET ${path}`, { accept: bare }), [full, false, bare]);
    const refused = await ask(`GET ${path}`, { headers: { accept: "text/csv" } });
    assert.equal(refused.status, 406);
    const inFull = await post(
      `${root}/workflows/full`,
      { workflowType: { name: "T" }, taskQueue: { name: "q" }, input: [1] },
      { "content-type": bare },
    );
    assert.deepEqual([inFull.status, inFull.json["message"]], [400, "input: an object is expected, not a list"]);
  });

  test("the path wins over the body, and pages are asked for in the query", async () => {
    for (const id of ["page-1", "page-2", "page-3"]) await start(id, { workflowId: "another", workflow_id: undefined });
    const list = (token: string) =>
      ask(`GET ${root}/workflows?pageSize=2&query=${encodeURIComponent("WorkflowId STARTS_WITH 'page-'")}${token}`);
    const first = await list("");
    assert.equal((first.json["executions"] as unknown[]).length, 2);
    const second = await list(`&nextPageToken=${encodeURIComponent(String(first.json["nextPageToken"]))}`);
    assert.equal((second.json["executions"] as unknown[]).length, 1);
    assert.equal(second.json["nextPageToken"], undefined);
  });

  test("what gRPC writes, HTTP reads: both are the same calls", async () => {
    using client = new RawClient(server.port);
    const request = workflowservice.DescribeNamespaceRequest.encode({ namespace: "nobody" });
    const { text } = await client.call(methods.DescribeNamespace.path, request);
    const { status, json } = await ask("GET /api/v1/namespaces/nobody");
    assert.equal(status, 404);
    assert.equal(json["message"], text);
  });
});

describe("refusals", () => {
  test("a refusal is a problem that holds the status of gRPC with its details", async () => {
    const { json: first } = await start("twice");
    const { status, headers, json } = await start("twice");
    assert.equal(status, 409);
    assert.equal(headers["content-type"], "application/problem+json");
    const { details, ...rest } = json;
    const message = `Workflow execution is already running. WorkflowId: twice, RunId: ${first["runId"]}.`;
    const problem = { type: "about:blank", title: "Conflict", status: 409, detail: message };
    assert.deepEqual(rest, { ...problem, code: 6, message });
    const [detail] = details as Record<string, string>[];
    assert.match(
      detail!["@type"]!,
      /^type\.googleapis\.com\/temporal\.api\.errordetails\.v1\.WorkflowExecutionAlreadyStarted/,
    );
    assert.equal(detail!["runId"], first["runId"]);
  });

  test("each names what is wrong and where", async () => {
    const target = `${root}/workflows/refused`;
    const table: readonly (readonly [line: string, body: string | Uint8Array, status: number, message: RegExp])[] = [
      [`POST ${target}`, "", 400, /^WorkflowType is not set on request\.$/],
      [`POST ${target}`, '{"workflowType":', 400, /^the text is not valid JSON: /],
      [`POST ${target}`, "[]", 400, /^the body must be a JSON object$/],
      [`POST ${target}`, Uint8Array.from([0x22, 0xff, 0x22]), 400, /^the body is not valid UTF-8$/],
      [
        `POST ${target}`,
        '{"taskQueue": {"nam": "q"}}',
        400,
        /^taskQueue\.nam: temporal\.api\.taskqueue\.v1\.TaskQueue has no such field$/,
      ],
      [`POST ${target}`, '{"status": 200, "body": "x", "headers": {}}', 400, /^status: .* has no such field$/],
      [`POST ${root}/workflows/x/cancel`, '{"workflowExecution": 1}', 400, /^workflowExecution: an object is expected/],
      [`GET ${root}/workflows?pageSize=x`, "", 400, /^pageSize: a whole number is expected, not "x"$/],
      [`GET ${root}/workflows?pageSize=1&pageSize=2`, "", 400, /^pageSize: one value is expected, not 2$/],
      [
        `GET ${root}/workflows/x/history?waitNewEvent=maybe`,
        "",
        400,
        /^waitNewEvent: true or false is expected, not "maybe"$/,
      ],
      [`GET ${root}/workflows/x/history?nextPageToken=*`, "", 400, /^nextPageToken: this is not valid base64$/],
      [
        `GET ${root}/workflows/x?execution=1`,
        "",
        400,
        /^execution: a message cannot be given as a parameter; name a field of it$/,
      ],
      [`GET ${root}/workflows/%ff`, "", 400, /^the path is not percent-encoded UTF-8$/],
      ["GET /api/v2", "", 404, /^there is no GET \/api\/v2; after \/api comes one of: v1$/],
      [`DELETE ${root}/workflows/x`, "", 405, /this path takes POST, GET, HEAD$/],
      [`POST ${root}/nexus-operations/x`, "{}", 501, /not implemented|./],
    ];
    for (const [line, body, status, message] of table) {
      const answer = await ask(line, { body });
      assert.equal(answer.status, status, `${line}: ${answer.text}`);
      assert.match(String(answer.json["message"]), message);
      assert.equal(answer.json["message"], answer.json["detail"]);
    }
    assert.equal((await ask(`DELETE ${root}/workflows/x`)).headers["allow"], "POST, GET, HEAD");
    assert.equal((await ask(`GET ${root}/workflows?nonsense=1`)).status, 200);
  });

  test("a query string of too many parameters is not read", async () => {
    const path = `GET ${root}/workflows?pageSize=1`;
    assert.equal((await ask(path + "&a".repeat(limits.httpParametersMax - 1))).status, 200);
    const refused = await ask(path + "&a".repeat(limits.httpParametersMax));
    assert.equal(refused.status, 400);
    assert.match(String(refused.json["detail"]), /more than 1000 parameters/);
  });

  test("a body that is too large or compressed is not read, and shorthand cannot blow a request up", async () => {
    const target = `POST ${root}/workflows/large`;
    const large = await ask(target, { body: "x".repeat(limits.messageBytesMax + 1) });
    assert.deepEqual([large.status, large.json["code"]], [413, 8]);
    const chunked = await ask(target, {
      body: "x".repeat(limits.messageBytesMax + 1),
      headers: { "transfer-encoding": "chunked" },
    });
    assert.equal(chunked.status, 413);
    const zipped = await ask(target, { body: "x", headers: { "content-encoding": "gzip" } });
    assert.equal(zipped.status, 415);
    const bomb = await ask(target, { body: `{"input": [${"1,".repeat(1_000_000)}1]}` });
    assert.match(String(bomb.json["message"]), /^input\[\d+\]: the message comes to more than 4194304 bytes$/);
    const nested = await ask(target, { body: `{"input": ${"[".repeat(100_000)}` });
    assert.match(String(nested.json["message"]), /^the JSON is nested deeper than 500 levels$/);
  });
});

describe("browsers", () => {
  const target = `GET ${root}/workflows`;

  test("a page of a named origin may ask and read, and is told so before it asks", async () => {
    const origin = "https://console.example.org";
    const answer = await ask(target, { headers: { origin } });
    assert.deepEqual([answer.status, answer.headers["access-control-allow-origin"]], [200, origin]);
    const preflight = await ask(`OPTIONS ${root}/workflows/x`, {
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers["access-control-allow-origin"], origin);
    assert.equal(preflight.headers["access-control-allow-headers"], "content-type");
  });

  test("pages of other origins and names that are not ours are refused; our own page is not", async () => {
    const own = `http://127.0.0.1:${server.httpPort}`;
    const table: readonly (readonly [line: string, headers: OutgoingHttpHeaders, status: number])[] = [
      [target, { origin: own }, 200],
      [target, { "sec-fetch-site": "same-origin" }, 200],
      [target, { host: `localhost:${server.httpPort}` }, 200],
      [target, { host: "[::1]:80" }, 200],
      [target, { origin: "https://evil.example" }, 403],
      [target, { origin: "http://127.0.0.1:1" }, 403],
      [target, { origin: "null" }, 403],
      [target, { "sec-fetch-site": "cross-site" }, 403],
      [target, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, 200],
      [`POST ${root}/workflows/x`, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, 403],
      [target, { host: "evil.example" }, 403],
      [target, { host: "evil.example", origin: "http://evil.example" }, 403],
      [target, { host: "127.0.0.1.evil.example" }, 403],
      [`OPTIONS ${root}/workflows/x`, { origin: "https://evil.example", "access-control-request-method": "POST" }, 403],
    ];
    for (const [line, headers, status] of table) {
      const answer = await ask(line, { headers });
      assert.equal(answer.status, status, JSON.stringify(headers));
      if (status === 403) assert.equal(answer.headers["access-control-allow-origin"], undefined);
    }
  });
});

describe("faults", () => {
  const serving = async (t: TestContext, serve: Route["serve"]) => {
    const lines: string[] = [];
    const log = createLog({ level: "error", format: "json", nowMs: () => 0, write: (line) => lines.push(line) });
    const shape = { type: "own", summary: "", answer: {} } as const;
    const routes = new RouteTable([{ verb: "GET", template: "/x", operation: "OpenApi", shape, serve }]);
    const guard = new Guard({ ip: "127.0.0.1", isLoopback: true, publicUrl: undefined, corsOrigins: [] });
    const telemetry = { ...quietTelemetry(), log };
    const elsewhere = async ({ path }: Exchange) => (path === "/file" ? { status: 200, body: "text" } : undefined);
    const http = new HttpServer({
      name: "ui",
      routes,
      guard,
      elsewhere,
      clock: systemClock,
      random: seededRandom(1),
      telemetry,
    });
    const { port } = await http.listen({ host: "127.0.0.1", port: 0 });
    t.after(() => http.stop(0));
    return { port, lines };
  };

  test("a bug says nothing of itself to the caller, and all to the log, under one request id", async (t) => {
    const { port, lines } = await serving(t, async () => {
      throw new TypeError("secret is not a function");
    });
    const { status, json } = await askHttp(port, "GET /x");
    assert.equal(status, 500);
    const [, requestId] = /^internal error \(request ([0-9a-f-]{36})\)$/.exec(String(json["message"])) ?? [];
    const logged = JSON.parse(lines[0]!) as Record<string, string>;
    assert.equal(logged["requestId"], requestId);
    assert.match(logged["error"]!, /secret is not a function/);
  });

  test("a stream in which something breaks is cut, not ended", async (t) => {
    const isRead = Promise.withResolvers<void>();
    const { port } = await serving(t, async (exchange) => {
      await (await EventStream.open(exchange))!.send({ data: 1 });
      await isRead.promise;
      throw new Error("broken");
    });
    const reader = await EventReader.open(port, "/x");
    assert.equal((await reader.next())?.data, 1);
    isRead.resolve();
    await assert.rejects(reader.next(), /aborted/);
  });

  test("what no route is there for may be elsewhere", async (t) => {
    const { port } = await serving(t, async () => ({ status: 204 }));
    assert.equal((await askHttp(port, "GET /file")).text, "text");
    assert.equal((await askHttp(port, "GET /other")).status, 404);
    const empty = await askHttp(port, "GET /x");
    assert.deepEqual([empty.status, empty.headers["content-length"]], [204, undefined]);
  });
});

describe("long polls and the end", () => {
  const longPoll = `GET ${root}/workflows/waits/history?waitNewEvent=true&historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT`;

  async function pending(other: RunningServer): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${other.metricsPort}/metrics`)).text();
    return Number(/^http_service_pending_requests\{listener="http"\} (\d+)$/m.exec(metrics)![1]);
  }

  test("end when the caller goes, when its deadline comes, and when the server stops", async () => {
    const mine = await startServer({ port: 0, httpPort: 0, metricsPort: 0 });
    const shared = server;
    server = mine;
    try {
      await start("waits");
      const gone = new AbortController();
      const asked = ask(longPoll, { signal: gone.signal });
      while ((await pending(mine)) === 0);
      gone.abort();
      await assert.rejects(asked);
      while ((await pending(mine)) > 0);
      const late = await post(`${root}/workflows/waits/query/state`, {}, { "grpc-timeout": "300m" });
      assert.equal(late.status, 504, late.text);
      const wrong = await ask(longPoll, { headers: { "grpc-timeout": "soon" } });
      assert.equal(wrong.status, 400);
      const waiting = ask(longPoll);
      while ((await pending(mine)) === 0);
      const startedAtMs = performance.now();
      await mine.stop();
      const { status, headers } = await waiting;
      assert.deepEqual([status, headers["connection"]], [200, "close"]);
      assert.ok(performance.now() - startedAtMs < 5_000);
    } finally {
      server = shared;
      await mine.stop();
    }
  });

  test("what is no HTTP is answered once and cut off", async () => {
    const rows = [
      "\0\0\0\0\n\n",
      "GET / HTTP/9.9\r\n\r\n",
      `GET / HTTP/1.1\r\nhost: x\r\na: ${"x".repeat(limits.httpHeadBytesMax)}\r\n\r\n`,
    ];
    const statuses: string[] = [];
    for (const row of rows) {
      const socket = connect(server.httpPort!, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(row);
      let text = "";
      for await (const chunk of socket) text += String(chunk);
      statuses.push(text.slice(0, 12));
      assert.match(text, /"code":3/);
    }
    assert.deepEqual(statuses, ["HTTP/1.1 400", "HTTP/1.1 400", "HTTP/1.1 431"]);
  });
});
