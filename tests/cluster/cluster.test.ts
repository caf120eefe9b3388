/** Several nodes on one database: each answers for all, they share the work, and what one leaves behind the others take over. */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { after, test } from "node:test";
import { enums } from "@pawl/protocol";
import { CallError, call } from "../rig/call.ts";
import { Postgres } from "../rig/postgres.ts";
import { freePort, type RunningServer } from "../rig/server.ts";
import { eventsOf, insist, Load, Nodes, namespace, until } from "./nodes.ts";

// Nothing here takes the power away, so nothing need reach a disk.
const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off" } });
const leaseMs = 2_000;
const nodes = await Nodes.on(postgres);
after(async () => {
  await nodes.end();
  await postgres.remove();
});
const httpOf = { a: { port: await freePort() }, b: { port: await freePort() } };
const started = await Promise.all(
  (["a", "b"] as const).map((name) => nodes.start({ name, leaseMs, args: ["--http-port", String(httpOf[name].port)] })),
);
const [a, b] = started as [RunningServer, RunningServer];
await nodes.settled("a", "b");

async function pollTask({ address }: RunningServer, taskQueue: string) {
  let task = await call(address, "PollWorkflowTaskQueue", { namespace, taskQueue: { name: taskQueue }, identity: "w" });
  while (task.taskToken.length === 0)
    task = await call(address, "PollWorkflowTaskQueue", { namespace, taskQueue: { name: taskQueue }, identity: "w" });
  return task;
}

const notFound = 5;
const tooShort = 9;
const complete = [
  {
    commandType: enums.CommandType.COMPLETE_WORKFLOW_EXECUTION,
    completeWorkflowExecutionCommandAttributes: {},
  },
];

test("every node answers for the executions and queues of all", { timeout: 300_000 }, async () => {
  // Ids and queues of either node, whichever way they fall.
  for (let i = 0; i < 16; i++) {
    const [one, other] = i % 2 === 0 ? [a, b] : [b, a];
    const execution = { workflowId: `all-${i}` };
    const taskQueue = { name: `all-${i % 5}` };
    const first = await call(one.address, "StartWorkflowExecution", {
      ...{ namespace, ...execution, workflowType: { name: "T" }, taskQueue, requestId: `start-${i}` },
    });
    const again = await call(other.address, "StartWorkflowExecution", {
      ...{ namespace, ...execution, workflowType: { name: "T" }, taskQueue, requestId: `start-${i}` },
    });
    assert.equal(again.runId, first.runId);
    const task = await pollTask(other, taskQueue.name);
    assert.equal(task.workflowExecution?.workflowId, execution.workflowId);
    // A query waits at its run's node for the answer that comes with the task, which another node hands out.
    const asked = call(one.address, "QueryWorkflow", { namespace, execution, query: { queryType: "q" } });
    await call(other.address, "SignalWorkflowExecution", {
      ...{ namespace, workflowExecution: execution, signalName: "s", requestId: `signal-${i}` },
    });
    const history = call(other.address, "GetWorkflowExecutionHistory", {
      ...{ namespace, execution, waitNewEvent: true, historyEventFilterType: enums.HistoryEventFilterType.CLOSE_EVENT },
    });
    const answered = await call(one.address, "RespondWorkflowTaskCompleted", {
      ...{ taskToken: task.taskToken, returnNewWorkflowTask: true, forceCreateNewWorkflowTask: true },
    });
    const next = answered.workflowTask ?? (await pollTask(one, taskQueue.name));
    const answers = Object.fromEntries(
      Object.keys(next.queries).map((id) => [
        id,
        { resultType: enums.QueryResultType.ANSWERED, answer: { payloads: [] } },
      ]),
    );
    await call(other.address, "RespondWorkflowTaskCompleted", {
      ...{ taskToken: next.taskToken, commands: complete, queryResults: answers },
    });
    if (Object.keys(answers).length === 0) {
      const direct = await pollTask(other, taskQueue.name);
      await call(one.address, "RespondQueryTaskCompleted", {
        ...{ namespace, taskToken: direct.taskToken, completedType: enums.QueryResultType.ANSWERED },
      });
    }
    await asked;
    assert.equal(eventsOf((await history).history).at(-1)?.eventType, enums.EventType.WORKFLOW_EXECUTION_COMPLETED);
    const described = await call(other.address, "DescribeTaskQueue", { namespace, taskQueue });
    assert.deepEqual(
      described.pollers.map(({ identity }) => identity),
      ["w"],
    );
  }
});

const named = { a, b };

/** Has the queue live on `host`, by polls. */
async function bringHome(name: string, host: "a" | "b"): Promise<void> {
  const taskQueue = { name };
  await until(`the queue lives on ${host}`, async () => {
    const polls = Array.from({ length: 25 }, (_, i) =>
      call(
        named[host].address,
        "PollWorkflowTaskQueue",
        { namespace, taskQueue, identity: `w-${i}` },
        { timeoutMs: 3_000 },
      ),
    );
    await Promise.allSettled(polls);
    const other = host === "a" ? b : a;
    const asked = await call(other.address, "ListTaskQueuePartitions", { namespace, taskQueue });
    return asked.workflowTaskQueuePartitions[0]?.ownerHostName === host;
  });
}

test("a queue whose workers all call one node lives there, and tasks that other nodes make find them", {
  timeout: 300_000,
}, async () => {
  for (const [host, other] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    const taskQueue = { name: "where its workers are" };
    await bringHome(taskQueue.name, host);
    const workflowIds = Array.from({ length: 8 }, (_, i) => `lives-${host}-${i}`);
    for (const workflowId of workflowIds) {
      const type = { workflowType: { name: "T" }, taskQueue, requestId: workflowId };
      await insist(() => call(named[other].address, "StartWorkflowExecution", { namespace, workflowId, ...type }));
    }
    const found: string[] = [];
    for (const _ of workflowIds) {
      const { workflowExecution, taskToken } = await pollTask(named[host], taskQueue.name);
      found.push(workflowExecution!.workflowId);
      await call(named[host].address, "RespondWorkflowTaskCompleted", { namespace, taskToken, commands: complete });
    }
    assert.deepEqual(found.sort(), workflowIds);
  }
});

test("a command takes a waiting poll along to the run's node, so that its task is made and started in one commit", {
  timeout: 300_000,
}, async () => {
  const taskQueue = { name: "polls that go along" };
  const sticky = { name: "polls that go along, sticky", kind: enums.TaskQueueKind.STICKY, normalName: taskQueue.name };
  await bringHome(taskQueue.name, "a");
  const waiting = async (queue: typeof taskQueue, identity: string) => {
    const task = call(a.address, "PollWorkflowTaskQueue", { namespace, taskQueue: queue, identity });
    await until(`${identity} waits`, async () => {
      const { pollers } = await call(a.address, "DescribeTaskQueue", { namespace, taskQueue: queue });
      return pollers.some((poller) => poller.identity === identity);
    });
    return { task };
  };
  const transitionsOf = async (workflowId: string) => {
    const asked = await call(a.address, "DescribeWorkflowExecution", { namespace, execution: { workflowId } });
    return asked.workflowExecutionInfo!.stateTransitionCount;
  };
  const schedule = {
    commandType: enums.CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      ...{ activityId: "1", activityType: { name: "A" }, taskQueue, startToCloseTimeout: { seconds: 60 } },
    },
  };
  // Of shards of both nodes.
  for (let i = 0; i < 8; i++) {
    const workflowId = `along-${i}`;
    const first = await waiting(taskQueue, `normal ${i}`);
    await call(a.address, "StartWorkflowExecution", {
      ...{ namespace, workflowId, workflowType: { name: "T" }, taskQueue, requestId: workflowId },
    });
    const { taskToken } = await first.task;
    assert.equal(await transitionsOf(workflowId), 1);
    await call(a.address, "RespondWorkflowTaskCompleted", {
      ...{ namespace, taskToken, commands: [schedule] },
      stickyAttributes: { workerTaskQueue: sticky, scheduleToStartTimeout: { seconds: 10 } },
    });
    const activity = await call(a.address, "PollActivityTaskQueue", { namespace, taskQueue, identity: "w" });
    const second = await waiting(sticky, `sticky ${i}`);
    const before = await transitionsOf(workflowId);
    await call(a.address, "RespondActivityTaskCompleted", { namespace, taskToken: activity.taskToken });
    const next = await second.task;
    assert.equal(await transitionsOf(workflowId), before + 1);
    await call(a.address, "RespondWorkflowTaskCompleted", { namespace, taskToken: next.taskToken, commands: complete });
  }
});

test("what is registered on one node is there on the other at once", { timeout: 300_000 }, async () => {
  for (let i = 0; i < 6; i++) {
    const [one, other] = i % 2 === 0 ? [a, b] : [b, a];
    const workflowExecutionRetentionPeriod = { seconds: 86_400, nanos: 0 };
    await call(one.address, "RegisterNamespace", { namespace: `n${i}`, workflowExecutionRetentionPeriod });
    const { namespaceInfo } = await call(other.address, "DescribeNamespace", { namespace: `n${i}` });
    assert.equal(namespaceInfo?.name, `n${i}`);
    await call(one.address, "UpdateNamespace", { namespace: `n${i}`, updateInfo: { description: "changed" } });
    const changed = await call(other.address, "DescribeNamespace", { namespace: `n${i}` });
    assert.equal(changed.namespaceInfo?.description, "changed");
    const searchAttributes = { [`A${i}`]: enums.IndexedValueType.KEYWORD };
    await call(one.address, "AddSearchAttributes", { namespace, searchAttributes });
    const { customAttributes } = await call(other.address, "ListSearchAttributes", { namespace });
    assert.equal(customAttributes[`A${i}`], enums.IndexedValueType.KEYWORD);
  }
  // Both at once: neither is lost.
  await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      insist(() =>
        call(i % 2 === 0 ? a.address : b.address, "AddSearchAttributes", {
          ...{ namespace, searchAttributes: { [`B${i}`]: enums.IndexedValueType.INT } },
        }),
      ),
    ),
  );
  for (const { address } of [a, b]) {
    const { customAttributes } = await call(address, "ListSearchAttributes", { namespace });
    assert.equal(Object.keys(customAttributes).filter((name) => name.startsWith("B")).length, 10);
  }
});

test("what is told of queues, of a deployment's versions and of workers is told of all nodes, by each", {
  timeout: 300_000,
}, async () => {
  const names = Array.from({ length: 8 }, (_, i) => `told-${i}`);
  const deploymentOptions = {
    ...{ deploymentName: "told", buildId: "1", workerVersioningMode: enums.WorkerVersioningMode.VERSIONED },
  };
  const ends = new AbortController();
  const polls = names.map(async (name, i) => {
    // Held until the end, so that its worker is there.
    const request = { namespace, taskQueue: { name }, identity: `of-${name}`, deploymentOptions };
    const { address } = i % 2 === 0 ? a : b;
    // A poll that a busy machine has carried for too long has no time left to wait.
    while (!ends.signal.aborted)
      await insist(() => call(address, "PollActivityTaskQueue", request, { timeoutMs: 3_000 }), undefined, [tooShort]);
  });
  const version = { deploymentName: "told", buildId: "1" };
  for (const { address } of [a, b])
    await until("every queue of the version is told of", async () => {
      const asked = { namespace, deploymentVersion: version, reportTaskQueueStats: true };
      const told = await insist(() => call(address, "DescribeWorkerDeploymentVersion", asked), undefined, [notFound]);
      return told.versionTaskQueues.length === names.length && told.versionTaskQueues.every(({ stats }) => stats);
    });
  const workerHeartbeat = names.map((name) => ({ workerInstanceKey: name, taskQueue: name }));
  for (const { address } of [a, b]) {
    const deletion = { namespace, deploymentVersion: version, skipDrainage: true };
    const deleted = insist(() => call(address, "DeleteWorkerDeploymentVersion", deletion));
    assert.match(await deleted.then(String, String), /has active pollers/);
  }
  for (const name of names) {
    const start = { ...startOf(name), taskQueue: { name } };
    await insist(() => call(a.address, "StartWorkflowExecution", start));
  }
  for (const { port } of [httpOf.a, httpOf.b])
    await until("every queue is listed with its task and its worker", async () => {
      const listed = await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/${namespace}/task-queues`);
      const { taskQueues, isCut } = (await listed.json()) as {
        isCut: boolean;
        taskQueues: { name: string; kind: string; pollers: number; backlogCount: number }[];
      };
      const of = (name: string, kind: string) =>
        taskQueues.filter((queue) => queue.name === name && queue.kind === kind);
      return names.every((name) => {
        const [workflows, activities] = [of(name, "workflow"), of(name, "activity")];
        const isOnce = !isCut && workflows.length === 1 && activities.length === 1;
        return isOnce && workflows[0]?.backlogCount === 1 && activities[0]?.pollers === 1;
      });
    });
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const)
    await until("every worker is told of", async () => {
      const said = { namespace, identity: "w", workerHeartbeat };
      await insist(() => call(one.address, "RecordWorkerHeartbeat", said));
      const { count } = await insist(() => call(other.address, "CountWorkers", { namespace, query: "" }));
      return count === names.length;
    });
  ends.abort();
  await Promise.all(polls);
});

test("strangers get nothing from the port that is for nodes", { timeout: 60_000 }, async () => {
  const rows = await postgres.run("SELECT address FROM node", nodes.url);
  for (const { address } of rows) {
    const refused = await call(String(address), "DescribeNamespace", { namespace }).then(
      () => 0,
      (error: unknown) => (error instanceof CallError ? error.status : -1),
    );
    assert.equal(refused, 16);
    const headers = { "pawl-from": "a", "pawl-seal": `1.${"A".repeat(43)}`, "pawl-attachment": "" };
    assert.equal(await statusOf(String(address), "/pawl.node.v1.Node/Look", headers), "16");
    assert.equal(await statusOf(String(address), "/pawl.node.v1.Node/Submit", {}), "16");
  }
  // Nor does a caller from outside become a node by saying so.
  const headers = { "pawl-from": "b", "pawl-attachment": "e30" };
  assert.equal(await statusOf(a.address, "/pawl.node.v1.Node/Look", headers), "12");
});

test("nodes come and go under load: one is killed, one is asked to stop, others join, and nothing acknowledged is lost", {
  timeout: 600_000,
}, async (t) => {
  let live = [a, b];
  const load = new Load("moving", () => live);
  load.begin();
  await load.more(30);

  live = [a];
  await b.kill9();
  const killedAtMs = performance.now();
  // Every shard is served again.
  for (let i = 0; i < 64; i++)
    await insist(() => call(a.address, "StartWorkflowExecution", startOf(`after-kill-${i}`)));
  t.diagnostic(
    `served again ${Math.round(performance.now() - killedAtMs)} ms after kill -9, with a lease of ${leaseMs} ms`,
  );
  await load.more(30);

  // With its start queues that are in use are divided anew, for the others too.
  const c = await nodes.start({ name: "c", leaseMs, queuePartitions: 8 });
  live = [a, c];
  await nodes.settled("a", "c");
  for (const { address } of live)
    await until("the queue's partitions are known to all", async () => {
      const asked = { namespace, taskQueue: { name: "moving" } };
      const { workflowTaskQueuePartitions } = await insist(() => call(address, "ListTaskQueuePartitions", asked));
      const keys = workflowTaskQueuePartitions.map(({ key }) => key);
      return keys.length === 8 && keys[0] === "moving" && keys[7] === "/_sys/moving/7";
    });
  await load.more(30);

  // The old and the new process of a restart have one name, and are two nodes.
  live = [a];
  const [stopped, c2] = await Promise.all([c.stop(), nodes.start({ name: "c", leaseMs })]);
  // Not 0 when its ten seconds were not enough, as may be on a busy machine: what counts is that nothing is lost.
  t.diagnostic(`a node that was asked to stop ended with ${stopped}`);
  live = [a, c2];
  await nodes.settled("a", "c");
  await load.more(30);

  live = [c2];
  await a.stop();
  await nodes.settled("c");
  await load.more(30);
  await load.checked();
});

function startOf(workflowId: string) {
  const taskQueue = { name: "nobody" };
  return { namespace, workflowId, workflowType: { name: "T" }, taskQueue, requestId: workflowId };
}

function statusOf(address: string, path: string, headers: Record<string, string>): Promise<string> {
  const session = connect(`http://${address}`);
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      ...headers,
    });
    let status = "";
    for (const event of ["response", "trailers"])
      stream.on(event, (seen: Record<string, unknown>) => {
        status = String(seen["grpc-status"] ?? status);
      });
    stream.on("error", reject);
    stream.on("close", () => {
      session.close();
      resolve(status);
    });
    stream.resume();
    stream.end(Buffer.alloc(5));
  });
}
