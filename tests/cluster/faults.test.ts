/**
 * Nodes under load while the worst happens to them and to their database: nothing acknowledged is lost, nothing is there twice, every history is whole.
 *
 * `PAWL_FAULT_ROUNDS=20 npm test -- tests/cluster/faults` goes on for longer.
 */
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Postgres } from "../rig/postgres.ts";
import type { RunningServer } from "../rig/server.ts";
import { Load, Nodes, until } from "./nodes.ts";

const rounds = Number(process.env["PAWL_FAULT_ROUNDS"] ?? 1);
const timeout = 120_000 + rounds * 60_000;
const leaseMs = 1_000;
// Restarts at once must find on the disk what was acknowledged.
const postgres = await Postgres.start();
const nodes = await Nodes.on(postgres);
const names = ["a", "b"];
const servers = await Promise.all(names.map((name) => nodes.start({ name, leaseMs })));
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
