/**
 * Bad networks between nodes, and between a node and its database: slow ones, ones that lose the reply to what was done, ones that swallow one way. Nothing
 * acknowledged is lost, nothing is there twice, and what a node had on its way when it was taken for dead changes nothing.
 *
 * `PAWL_FAULT_ROUNDS=20 npm test -- tests/cluster/network` goes on for longer.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { call } from "../rig/call.ts";
import { mustBeSound } from "../rig/doctor.ts";
import { Postgres } from "../rig/postgres.ts";
import { freePort } from "../rig/server.ts";
import { TcpProxy } from "../rig/tcp-proxy.ts";
import { eventsOf, insist, Load, Nodes, namespace, until } from "./nodes.ts";

const rounds = Number(process.env["PAWL_FAULT_ROUNDS"] ?? 1);
const timeout = 180_000 + rounds * 120_000;
const leaseMs = 1_000;
const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off" } });
const nodes = await Nodes.on(postgres);
const clusterPort = await freePort();
/** From `b` to the database, and from `a` to `b`. */
const links = { database: await TcpProxy.to(postgres.port), node: await TcpProxy.to(clusterPort) };
after(async () => {
  await nodes.end();
  for (const link of Object.values(links)) link.close();
  await postgres.remove();
});
const a = await nodes.start({ name: "a", leaseMs });
const behind = nodes.url.replace(`:${postgres.port}/`, `:${links.database.port}/`);
const cluster = ["--cluster-port", String(clusterPort), "--cluster-address", `127.0.0.1:${links.node.port}`];
const b = await nodes.start({ name: "b", leaseMs, args: cluster }, behind);
await nodes.settled("a", "b");

/** Whether another node has all that `b` had. */
const isTakenOver = async () => (await nodes.shards()).get("a") === 32;

test("a commit that was on its way when its node was taken for dead writes nothing", { timeout }, async () => {
  const start = (address: string, workflowId: string, requestId: string) =>
    call(
      address,
      "StartWorkflowExecution",
      { namespace, workflowId, requestId, workflowType: { name: "T" }, taskQueue: { name: "nobody" } },
      { timeoutMs: 120_000 },
    );
  const ids = Array.from({ length: 24 }, (_, i) => `under-way-${i}`);
  for (const [round, leases] of [0.5, 1, 3].entries()) {
    links.database.hold("there");
    const begun = ids.map((id) =>
      start(b.address, `${id}-${round}`, `by-b-${id}`).then(
        ({ runId }) => runId,
        () => undefined,
      ),
    );
    // What belongs to the other node is done; the rest has been sent to the database and stands before it.
    const done = new Set<number>();
    for (const [at, one] of begun.entries()) void one.then(() => done.add(at));
    await until("b has sent on what is not its own", () => done.size > 0);
    process.kill(b.pid, "SIGSTOP");
    const meanwhile = new Map<number, string>();
    try {
      await delay(leases * leaseMs);
      if (leases === 3) {
        await until("the other node owns all shards", isTakenOver);
        for (const [at, id] of ids.entries()) {
          const { runId } = await insist(() => start(a.address, `${id}-${round}`, `by-b-${id}`));
          meanwhile.set(at, runId);
        }
      }
    } finally {
      links.database.heal();
      process.kill(b.pid, "SIGCONT");
    }
    await nodes.settled("a", "b");
    for (const [at, one] of begun.entries()) {
      const workflowId = `${ids[at]}-${round}`;
      const acknowledged = await one;
      // Started now, if it was not: its callers get one and the same run, wherever they ask.
      const { runId } = await insist(() => start(a.address, workflowId, `by-b-${ids[at]}`));
      for (const earlier of [acknowledged, meanwhile.get(at)])
        assert.equal(runId, earlier ?? runId, `${workflowId} has become another run`);
      const { history } = await insist(() =>
        call(a.address, "GetWorkflowExecutionHistory", { namespace, execution: { workflowId } }),
      );
      assert.deepEqual(
        eventsOf(history).map(({ eventId }) => eventId),
        [1, 2],
      );
    }
  }
});

/** What is done to a link, and for how long. */
const faults: readonly {
  readonly name: string;
  readonly link: keyof typeof links;
  readonly begin: (link: TcpProxy) => void;
  readonly leases: number;
}[] = [
  ...(["database", "node"] as const).flatMap((link) => [
    { name: "is slow", link, begin: (proxy: TcpProxy) => proxy.slow(60), leases: 1 },
    { name: "loses replies", link, begin: (proxy: TcpProxy) => proxy.cut(8), leases: 1 },
    { name: "swallows what goes there", link, begin: (proxy: TcpProxy) => proxy.hold("there"), leases: 1.5 },
    { name: "swallows what comes back", link, begin: (proxy: TcpProxy) => proxy.hold("back"), leases: 1.5 },
  ]),
];

test("under load, a bad network costs nobody anything that was acknowledged", { timeout }, async (t) => {
  const load = new Load("networked", () => [a, b]);
  load.begin();
  for (let round = 0; round < rounds; round++) {
    for (const { name, link, begin, leases } of faults) {
      const startedAtMs = performance.now();
      await load.more(5);
      begin(links[link]);
      await delay(leases * leaseMs);
      links[link].heal();
      await nodes.settled("a", "b");
      await load.more(5);
      t.diagnostic(`${link} ${name}: ${Math.round(performance.now() - startedAtMs)} ms`);
    }
  }
  await load.checked();
  await mustBeSound(nodes.url);
  t.diagnostic(`${load.started.size} workflows`);
});
