/**
 * Nodes under load while the worst happens to them and to their database: nothing acknowledged is lost, nothing is there twice, every history is whole.
 *
 * `PAWL_FAULT_ROUNDS=20 npm test -- tests/cluster/faults` goes on for longer.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { enums } from "@pawl/protocol";
import { CallError, call } from "../rig/call.ts";
import { mustBeSound } from "../rig/doctor.ts";
import { Postgres } from "../rig/postgres.ts";
import type { RunningServer } from "../rig/server.ts";
import { eventsOf, insist, Load, Nodes, namespace, until } from "./nodes.ts";

const rounds = Number(process.env["PAWL_FAULT_ROUNDS"] ?? 1);
const timeout = 120_000 + rounds * 60_000;
const leaseMs = 1_000;
const notFound = 5;
// Restarts at once must find on the disk what was acknowledged.
const postgres = await Postgres.start();
const nodes = await Nodes.on(postgres);
const names = ["a", "b"];
const servers = await Promise.all(names.map((name) => nodes.start({ name, leaseMs, queuePartitions: 8 })));
const [a, b] = servers as [RunningServer, RunningServer];
await nodes.settled(...names);
after(async () => {
  await nodes.end();
  await postgres.remove();
});

test("a node that stands still for half a lease, a lease and three of them does no harm when it goes on", {
  timeout,
}, async (t) => {
  const load = new Load("paused", () => [a, b]);
  load.begin();
  for (let round = 0; round < rounds; round++) {
    for (const leases of [0.5, 1, 3]) {
      const { pid } = round % 2 === 0 ? b : a;
      await load.more(10);
      process.kill(pid, "SIGSTOP");
      try {
        await delay(leases * leaseMs);
        // Dead to the others: they own everything before it goes on.
        if (leases === 3) await until("the other node owns all shards", async () => (await nodes.shards()).size === 1);
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await nodes.settled(...names);
    }
  }
  await load.checked();
  t.diagnostic(`${load.started.size} workflows`);
});

test("connections that are ended and a database that is killed again and again cost nobody anything", {
  timeout,
}, async (t) => {
  const load = new Load("restarted", () => [a, b]);
  load.begin();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 3; i++) {
      await load.more(10);
      await postgres.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pawl%' AND random() < 0.5",
      );
    }
    await load.more(10);
    await postgres.downAtOnce();
    await postgres.up();
  }
  await nodes.settled(...names);
  await load.more(10);
  await load.checked();
  t.diagnostic(`${load.started.size} workflows`);
});

/** As if another node had taken all shards, and died. */
async function fence(): Promise<void> {
  const taking = "UPDATE shard SET range_id = range_id + 1, owner = 'somebody who has died'";
  // Nodes lock the shards of a commit in an order of their own, and take one shard at a time. Of a deadlock with this one nothing is left.
  await until("all shards are taken", () =>
    postgres.run(taking, nodes.url).then(
      () => true,
      (error: { code?: string }) => {
        if (error.code !== "40P01") throw error;
        return false;
      },
    ),
  );
  await nodes.settled(...names);
}

test("shards that nobody calls are taken back when they were lost, and what falls due in them does so", {
  timeout,
}, async () => {
  const taskQueue = { name: "idle" };
  const workflowIds = Array.from({ length: 16 }, (_, i) => `idle-${i}`);
  for (const workflowId of workflowIds) {
    const type = { workflowType: { name: "T" }, taskQueue, requestId: workflowId };
    await insist(() => call(a.address, "StartWorkflowExecution", { namespace, workflowId, ...type }));
  }
  const polled = async () => {
    for (;;) {
      const task = await insist(() =>
        call(a.address, "PollWorkflowTaskQueue", { namespace, taskQueue, identity: "w" }, { timeoutMs: 5_000 }),
      );
      if (task.taskToken.length > 0) return task;
    }
  };
  const { CommandType, EventType } = enums;
  const startTimerCommandAttributes = { timerId: "t", startToFireTimeout: { seconds: 2, nanos: 0 } };
  const timer = { commandType: CommandType.START_TIMER, startTimerCommandAttributes };
  const end = { commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION, completeWorkflowExecutionCommandAttributes: {} };
  const waiting = new Set<string>();
  const woken = new Set<string>();
  /** Has the next task done: starts its workflow's timer, or ends the workflow when that has fired. */
  const work = async () => {
    const { workflowExecution, history, taskToken } = await polled();
    const isWoken = eventsOf(history).some(({ eventType }) => eventType === EventType.TIMER_FIRED);
    (isWoken ? woken : waiting).add(workflowExecution!.workflowId);
    const answer = { taskToken, commands: [isWoken ? end : timer] };
    await insist(() => call(a.address, "RespondWorkflowTaskCompleted", answer)).catch((error: unknown) => {
      // Done before, by an attempt whose answer was lost; or too late, and then the task comes again.
      if (!(error instanceof CallError && error.status === notFound)) throw error;
    });
  };
  while (new Set([...waiting, ...woken]).size < workflowIds.length) await work();
  await fence();
  await until("every timer has fired", async () => {
    await work();
    return woken.size === workflowIds.length;
  });
});

test("of a storm of signals through moves of all shards, each that was acknowledged is there, once, in its sender's order", {
  timeout: timeout + rounds * 60_000,
}, async (t) => {
  const workflowIds = Array.from({ length: 6 }, (_, i) => `storm-${i}`);
  for (const workflowId of workflowIds) {
    const type = { workflowType: { name: "T" }, taskQueue: { name: "nobody" }, requestId: workflowId };
    await insist(() => call(a.address, "StartWorkflowExecution", { namespace, workflowId, ...type }));
  }
  const stop = new AbortController();
  const acknowledged = new Map(workflowIds.map((workflowId) => [workflowId, [] as string[]]));
  const send = async (workflowId: string, at: number) => {
    const acks = acknowledged.get(workflowId)!;
    while (!stop.signal.aborted) {
      const signalName = String(acks.length);
      const { address } = [a, b][(acks.length + at) % 2]!;
      const signal = { signalName, requestId: `${workflowId}/${signalName}`, workflowExecution: { workflowId } };
      await insist(() => call(address, "SignalWorkflowExecution", { namespace, ...signal }));
      acks.push(signalName);
    }
  };
  const senders = workflowIds.map(send);
  const moves = 5 * rounds;
  for (let move = 0; move < moves; move++) {
    const before = [...acknowledged.values()].map((acks) => acks.length);
    await fence();
    await until("each sender is heard again", () =>
      [...acknowledged.values()].every((acks, at) => acks.length > before[at]! + 3),
    );
  }
  stop.abort();
  await Promise.all(senders);
  for (const [workflowId, acks] of acknowledged) {
    const signals: string[] = [];
    let nextPageToken = new Uint8Array();
    do {
      const asked = { namespace, execution: { workflowId }, nextPageToken };
      const page = await insist(() => call(b.address, "GetWorkflowExecutionHistory", asked));
      for (const { workflowExecutionSignaledEventAttributes: signal } of eventsOf(page.history))
        if (signal) signals.push(signal.signalName);
      nextPageToken = new Uint8Array(page.nextPageToken);
    } while (nextPageToken.length > 0);
    assert.deepEqual(signals, acks);
  }
  t.diagnostic(`${[...acknowledged.values()].flat().length} signals through ${moves * 32} moves of shards`);
});

test("a database that dies while a node takes over what another had makes nobody give up", { timeout }, async () => {
  const load = new Load("taken-over", () => [a, live]);
  let live = b;
  load.begin();
  // From before its lease is over to when the other has begun to take what it had.
  for (const leases of rounds > 1 ? [0, 0.3, 0.9, 1, 1.1, 1.2] : [1.1]) {
    await load.more(5);
    await live.kill9();
    await delay(leases * leaseMs);
    await postgres.downAtOnce();
    await postgres.up();
    await nodes.settled("a");
    live = await nodes.start({ name: "b", leaseMs });
    await nodes.settled(...names);
  }
  await load.checked();
  await mustBeSound(nodes.url);
});
