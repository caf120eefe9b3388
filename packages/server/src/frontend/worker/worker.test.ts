import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, type Init, toTimestamp, type worker } from "@pawl/protocol";
import { limits, matchingLimits } from "../../limits.ts";
import { eventTypes, InProcess, stickyAttributes, stickyQueue, TestCall, taskQueue } from "../in-process.ts";

const { WorkerStatus } = enums;
const startMs = 1_700_000_000_000;

function heartbeat(key: string, more: Init<worker.WorkerHeartbeat> = {}): Init<worker.WorkerHeartbeat> {
  return {
    workerInstanceKey: key,
    taskQueue: "q",
    status: WorkerStatus.RUNNING,
    startTime: toTimestamp(startMs),
    ...more,
  };
}

async function threeWorkers(): Promise<InProcess> {
  const server = await InProcess.open();
  const workerHeartbeat = [
    heartbeat("c", { taskQueue: "other", status: WorkerStatus.SHUTTING_DOWN, startTime: toTimestamp(startMs + 1_000) }),
    heartbeat("a", { hostInfo: { hostName: "h1", processId: "7" }, sdkName: "temporal-go", sdkVersion: "1.2" }),
    heartbeat("b", { deploymentVersion: { deploymentName: "d", buildId: "v1" } }),
  ];
  await server.ask("RecordWorkerHeartbeat", { workerHeartbeat });
  return server;
}

function keysOf({ workers }: { workers: readonly { workerInstanceKey: string }[] }): string {
  return workers.map(({ workerInstanceKey }) => workerInstanceKey).join("");
}

describe("workers that say that they are there", () => {
  for (const [query, expected] of [
    ["", "abc"],
    ["TaskQueue = 'q'", "ab"],
    ["WorkerStatus = 'Running' and not HostName = 'h1'", ""],
    ["HostName is null", "bc"],
    ["Status != 'Running'", "c"],
    ["BuildId in ('v1', 'v2') or SdkName starts_with 'temporal-'", "ab"],
    ["WorkerInstanceKey between 'b' and 'c'", "bc"],
    ["WorkerInstanceKey not in ('b')", "ac"],
    ["StartTime > '2023-11-14T22:13:20Z'", "c"],
  ] as const)
    test(`are listed and counted by ${query || "nothing"}: ${expected || "none"}`, async () => {
      await using server = await threeWorkers();
      assert.equal(keysOf(await server.ask("ListWorkers", { query })), expected);
      assert.equal((await server.ask("CountWorkers", { query })).count, expected.length);
    });

  test("also along with a poll for Nexus tasks, which goes on when that is refused", async () => {
    await using server = await InProcess.open();
    for (const workerHeartbeat of [[heartbeat("a")], [heartbeat("")]]) {
      const call = new TestCall(server.clock.nowMs() + 10_000);
      const polled = server.ask("PollNexusTaskQueue", { taskQueue, workerHeartbeat }, call);
      await server.settle();
      call.end("cancelled");
      assert.equal((await polled).taskToken.length, 0);
    }
    assert.equal(keysOf(await server.ask("ListWorkers", {})), "a");
  });

  test("are left out where they are a server's own, unless these are asked for", async () => {
    await using server = await threeWorkers();
    await server.ask("RecordWorkerHeartbeat", {
      workerHeartbeat: [heartbeat("s", { taskQueue: "temporal-sys-per-ns-tq" })],
    });
    for (const [includeSystemWorkers, expected] of [
      [false, "abc"],
      [true, "abcs"],
    ] as const) {
      assert.equal(keysOf(await server.ask("ListWorkers", { includeSystemWorkers })), expected);
      assert.equal((await server.ask("CountWorkers", { includeSystemWorkers })).count, expected.length);
    }
  });

  test("come in pages, whole and in short", async () => {
    await using server = await threeWorkers();
    const first = await server.ask("ListWorkers", { pageSize: 2 });
    const second = await server.ask("ListWorkers", { pageSize: 2, nextPageToken: first.nextPageToken });
    assert.deepEqual([keysOf(first), keysOf(second), second.nextPageToken.length], ["ab", "c", 0]);
    assert.equal(first.workers[0]?.hostName, "h1");
    assert.equal(first.workersInfo[0]?.workerHeartbeat?.sdkVersion, "1.2");
  });

  test("are described one by one", async () => {
    await using server = await threeWorkers();
    const { workerInfo } = await server.ask("DescribeWorker", { workerInstanceKey: "b" });
    assert.equal(workerInfo?.workerHeartbeat?.deploymentVersion?.buildId, "v1");
    const verdict = await server.verdict("DescribeWorker", { workerInstanceKey: "x" });
    assert.equal(verdict, "NOT_FOUND Worker x not found");
  });

  test("are gone when they have not been heard of for a while", async () => {
    await using server = await threeWorkers();
    server.clock.advance(limits.workerSeenMs - 1);
    await server.ask("RecordWorkerHeartbeat", { workerHeartbeat: [heartbeat("b")] });
    assert.equal(keysOf(await server.ask("ListWorkers", {})), "abc");
    server.clock.advance(1);
    assert.equal(keysOf(await server.ask("ListWorkers", {})), "b");
    assert.match(await server.verdict("DescribeWorker", { workerInstanceKey: "a" }), /^NOT_FOUND /);
  });

  test("are remembered up to a limit, the newest ones", async () => {
    await using server = await InProcess.open();
    const workerHeartbeat = Array.from({ length: limits.workersMax + 1 }, (_, index) => heartbeat(`w${index}`));
    await server.ask("RecordWorkerHeartbeat", { workerHeartbeat });
    assert.equal((await server.ask("CountWorkers", {})).count, limits.workersMax);
    assert.match(await server.verdict("DescribeWorker", { workerInstanceKey: "w0" }), /^NOT_FOUND /);
  });

  test("are remembered up to so many bytes, and a page holds no more than clients take", async () => {
    await using server = await InProcess.open();
    const name = "p".repeat(limits.workerHeartbeatBytesMax - 100);
    const tooMany = Math.ceil(limits.workersBytesMax / name.length);
    for (let count = 0; count < tooMany; count++)
      await server.ask("RecordWorkerHeartbeat", { workerHeartbeat: [heartbeat(`w${count}`, { plugins: [{ name }] })] });
    const { count } = await server.ask("CountWorkers", {});
    assert.ok(count > 0 && count < tooMany && count * name.length <= limits.workersBytesMax);
    const seen = new Set<string>();
    let nextPageToken = new Uint8Array();
    do {
      const page = await server.ask("ListWorkers", { nextPageToken });
      assert.ok(page.workersInfo.length * name.length <= limits.pageBytesMax + name.length);
      for (const { workerHeartbeat } of page.workersInfo) seen.add(workerHeartbeat!.workerInstanceKey);
      nextPageToken = new Uint8Array(page.nextPageToken);
    } while (nextPageToken.length > 0);
    assert.equal(seen.size, count);
  });
});

describe("what is refused", () => {
  const large = heartbeat("a", { plugins: [{ name: "p".repeat(70_000) }] });
  for (const [method, request, verdict] of [
    [
      "RecordWorkerHeartbeat",
      { workerHeartbeat: [heartbeat("")] },
      "INVALID_ARGUMENT WorkerInstanceKey is not set on request.",
    ],
    [
      "RecordWorkerHeartbeat",
      { workerHeartbeat: [large] },
      "INVALID_ARGUMENT WorkerHeartbeat exceeds size limit of 65536 bytes.",
    ],
    ["RecordWorkerHeartbeat", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
    [
      "ListWorkers",
      { query: "Mood = 'good'" },
      "INVALID_ARGUMENT invalid query: invalid expression: column name 'Mood' is not a worker attribute",
    ],
    [
      "ListWorkers",
      { query: "TaskQueue = 1" },
      "INVALID_ARGUMENT invalid query: invalid expression: invalid value type for worker attribute TaskQueue: 1",
    ],
    [
      "ListWorkers",
      { query: "StartTime > 'now'" },
      "INVALID_ARGUMENT invalid query: invalid expression: unable to parse datetime 'now'",
    ],
    [
      "ListWorkers",
      { query: "group by TaskQueue" },
      "INVALID_ARGUMENT invalid query: operation is not supported: 'GROUP BY' clause",
    ],
    ["CountWorkers", { query: "(" }, "INVALID_ARGUMENT invalid query: malformed SQL query: syntax error at position 2"],
    ["DescribeWorker", {}, "INVALID_ARGUMENT WorkerInstanceKey is not set on request."],
    ["ShutdownWorker", {}, "accepted"],
    [
      "ShutdownWorker",
      { workerHeartbeat: large },
      "INVALID_ARGUMENT WorkerHeartbeat exceeds size limit of 65536 bytes.",
    ],
    [
      "ShutdownWorker",
      { stickyTaskQueue: "x".repeat(1_001) },
      "INVALID_ARGUMENT StickyTaskQueue length exceeds limit.",
    ],
  ] as const)
    test(`${method} with ${JSON.stringify(request).slice(0, 50)}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      assert.equal(await server.verdict(method, request as never), verdict);
    });
});

test("a worker that says goodbye leaves its cached runs to others at once, and its last word takes it off the list", async () => {
  await using server = await InProcess.open();
  await server.start("w");
  await server.complete(await server.pollWorkflowTask(), { stickyAttributes });
  const polled = server.ask("PollWorkflowTaskQueue", { taskQueue: stickyQueue, workerInstanceKey: "a" });
  await server.settle();
  const workerHeartbeat = heartbeat("a", { status: WorkerStatus.SHUTDOWN });
  await server.ask("ShutdownWorker", { stickyTaskQueue: stickyQueue.name, workerInstanceKey: "a", workerHeartbeat });
  assert.equal((await polled).taskToken.length, 0);
  await server.signal("w");
  assert.equal(eventTypes((await server.pollWorkflowTask(taskQueue)).history)[0], "WORKFLOW_EXECUTION_STARTED");
  assert.match(await server.verdict("DescribeWorker", { workerInstanceKey: "a" }), /^NOT_FOUND /);
});

test("the goodbye of a worker is answered after the task that it was given just before", async () => {
  await using server = await InProcess.open();
  await server.start("w");
  const key = { workerInstanceKey: "a" };
  const { taskToken } = await server.ask("PollWorkflowTaskQueue", { taskQueue, ...key });
  assert.ok(taskToken.length > 0);
  let isAnswered = false;
  const goodbye = server.ask("ShutdownWorker", { taskQueue: taskQueue.name, ...key }).then(() => {
    isAnswered = true;
  });
  await server.settle();
  await server.clock.advance(matchingLimits.partingMs - 1);
  assert.equal(isAnswered, false);
  await server.clock.advance(1);
  await goodbye;
});
