/** What operators' tools ask over HTTP beyond the API's own paths. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type RunningServer, startServer } from "../../main.ts";
import { type Asked, askHttp } from "../raw-http.ts";

let server: RunningServer;
before(async () => {
  server = await startServer({ port: 0, httpPort: 0, namespaces: ["other"] });
});
after(() => server.stop());

const root = "/api/v1/namespaces/default";
const ask = (line: string, asked?: Asked) => askHttp(server.httpPort!, line, asked);
const post = (path: string, json: unknown) => ask(`POST ${path}`, { body: JSON.stringify(json) });
const start = (workflowId: string, taskQueue = "q") =>
  post(`${root}/workflows/${workflowId}`, { workflowType: { name: "T" }, taskQueue: { name: taskQueue } });

test("a workflow is deleted by its id, and a run of another id is not", { timeout: 60_000 }, async () => {
  const { runId } = (await start("gone")).json;
  assert.equal((await start("stays")).status, 200);
  const wrong = await post(`${root}/workflows/stays/delete`, { runId });
  assert.equal(wrong.status, 404, wrong.text);
  const stray = await post(`${root}/workflows/stays/delete`, { run: runId });
  assert.deepEqual([stray.status, stray.json["message"]], [400, "run: one of runId is expected"]);
  assert.equal((await post(`${root}/workflows/gone/delete`, { runId })).status, 200);
  for (;;) if ((await ask(`GET ${root}/workflows/gone`)).status === 404) break;
  assert.equal((await ask(`GET ${root}/workflows/stays`)).status, 200);
});

test("a standalone activity is deleted, and only once", { timeout: 60_000 }, async () => {
  const activity = { activityType: { name: "A" }, taskQueue: { name: "q" }, startToCloseTimeout: "10s" };
  const { runId } = (await post(`${root}/activities/gone`, activity)).json;
  assert.equal((await post(`${root}/activities/gone/delete`, { runId })).status, 200);
  for (;;) if ((await ask(`GET ${root}/activities/gone`)).status === 404) break;
  assert.equal((await post(`${root}/activities/gone/delete`, { runId })).status, 404);
});

test("search attributes are added, found, refused by type, and removed, also twice", async () => {
  const custom = async () => (await ask(`GET ${root}/search-attributes`)).json;
  const added = await post(`${root}/search-attributes`, {
    searchAttributes: { Customer: "Keyword", Weight: "Double" },
  });
  assert.equal(added.status, 200, added.text);
  assert.match(JSON.stringify(await custom()), /"Customer":"INDEXED_VALUE_TYPE_KEYWORD"/);
  const wrong = await post(`${root}/search-attributes`, { searchAttributes: { Colour: "Paint" } });
  assert.equal(wrong.status, 400);
  assert.match(String(wrong.json["message"]), /Paint/);
  assert.equal((await ask(`DELETE ${root}/search-attributes/Customer`)).status, 200);
  assert.doesNotMatch(JSON.stringify(await custom()), /Customer/);
  assert.equal((await ask(`DELETE ${root}/search-attributes/Customer`)).status, 200);
});

test("the queues of a namespace are listed with what waits, and those of another are not", async () => {
  for (const id of ["w1", "w2"]) await start(id, "crowded/queue");
  await start("w3", "other-queue");
  const { taskQueues, isCut } = (await ask(`GET ${root}/task-queues`)).json as unknown as {
    taskQueues: { name: string; kind: string; pollers: number; backlogCount: number }[];
    isCut: boolean;
  };
  const [first] = taskQueues.filter(({ name }) => name === "crowded/queue");
  assert.deepEqual([first?.kind, first?.pollers, first?.backlogCount, isCut], ["workflow", 0, 2, false]);
  assert.ok(taskQueues.some(({ name }) => name === "other-queue"));
  assert.deepEqual((await ask("GET /api/v1/namespaces/other/task-queues")).json["taskQueues"], []);
  assert.equal((await ask("GET /api/v1/namespaces/nowhere/task-queues")).status, 404);
});

test("the metrics are told as numbers, with what waits in all queues", async () => {
  await start("waits", "nobody");
  const { samples } = (await ask("GET /api/v1/metrics")).json as unknown as {
    samples: { name: string; type: string; value?: number }[];
  };
  const value = (name: string) => samples.find((sample) => sample.name === name)?.value ?? 0;
  assert.ok(value("approximate_backlog_count") >= 1);
  assert.ok(value("shard_commands") >= 1);
  assert.ok(samples.some(({ name, type }) => name === "service_latency" && type === "histogram"));
});

test("what charts are drawn from is kept by the server, and asked for from where one has it", async () => {
  interface Kept {
    readonly snapshots: readonly { readonly atMs: number; readonly samples: readonly { readonly name: string }[] }[];
  }
  const { snapshots } = (await ask("GET /api/v1/metrics/history")).json as unknown as Kept;
  assert.ok(snapshots.length >= 1);
  assert.ok(snapshots[0]!.samples.some(({ name }) => name === "shard_commands"));
  const lastMs = snapshots.at(-1)!.atMs;
  const later = (await ask(`GET /api/v1/metrics/history?afterMs=${lastMs}`)).json as unknown as Kept;
  assert.ok(later.snapshots.every(({ atMs }) => atMs > lastMs));
  const wrong = await ask("GET /api/v1/metrics/history?afterMs=soon");
  assert.deepEqual([wrong.status, wrong.json["message"]], [400, "afterMs: a whole number is expected"]);
});
