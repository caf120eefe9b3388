/**
 * Two nodes on one database, under load from official SDK processes, while the worst happens to nodes, networks and database, one thing after the other; then a
 * look for anything that was acknowledged and is not there, or there twice. `PAWL_TORTURE_FAULTS` (3, in the order below, further ones by chance) and
 * `PAWL_TORTURE_SEED` change the run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Nodes, until } from "../cluster/nodes.ts";
import { mustBeSound } from "../rig/doctor.ts";
import { Postgres } from "../rig/postgres.ts";
import { freePort, type RunningServer } from "../rig/server.ts";
import { TcpProxy } from "../rig/tcp-proxy.ts";
import { Campaign } from "./campaign.ts";
import { chosenLanguages, crewsOf } from "./crews.ts";
import { random } from "./random.ts";

const faultCount = Number(process.env["PAWL_TORTURE_FAULTS"] ?? 3);
const seed = Number(process.env["PAWL_TORTURE_SEED"] ?? Date.now() % 1_000_000);
const leaseMs = 1_000;
/** How long a fault of a network lasts, in leases. */
const badLeases = 1.5;

type NodeName = "a" | "b";

/** Two nodes whose ways to the database, and to each other, can be made bad. */
class Stage {
  readonly postgres: Postgres;
  readonly nodes: Nodes;
  readonly #ports: Readonly<Record<NodeName, number>>;
  readonly #clusterPorts: Readonly<Record<NodeName, number>>;
  readonly databaseLinks: Readonly<Record<NodeName, TcpProxy>>;
  /** To the node. */
  readonly nodeLinks: Readonly<Record<NodeName, TcpProxy>>;
  readonly running: Partial<Record<NodeName, RunningServer>> = {};

  private constructor(
    postgres: Postgres,
    nodes: Nodes,
    {
      ports,
      clusterPorts,
      databaseLinks,
      nodeLinks,
    }: Record<"ports" | "clusterPorts", Record<NodeName, number>> &
      Record<"databaseLinks" | "nodeLinks", Record<NodeName, TcpProxy>>,
  ) {
    this.postgres = postgres;
    this.nodes = nodes;
    this.#ports = ports;
    this.#clusterPorts = clusterPorts;
    this.databaseLinks = databaseLinks;
    this.nodeLinks = nodeLinks;
  }

  static async set(): Promise<Stage> {
    const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off" } });
    const both = async <T>(make: () => Promise<T>) => ({ a: await make(), b: await make() });
    const clusterPorts = await both(freePort);
    const stage = new Stage(postgres, await Nodes.on(postgres), {
      ...{ ports: await both(freePort), clusterPorts },
      databaseLinks: await both(() => TcpProxy.to(postgres.port)),
      nodeLinks: { a: await TcpProxy.to(clusterPorts.a), b: await TcpProxy.to(clusterPorts.b) },
    });
    await Promise.all([stage.start("a"), stage.start("b")]);
    await stage.settled();
    return stage;
  }

  async start(name: NodeName): Promise<void> {
    const address = `127.0.0.1:${this.nodeLinks[name].port}`;
    const args = ["--cluster-port", String(this.#clusterPorts[name]), "--cluster-address", address];
    const way = this.nodes.url.replace(`:${this.postgres.port}/`, `:${this.databaseLinks[name].port}/`);
    this.running[name] = await this.nodes.start(
      { name, leaseMs, queuePartitions: 8, port: this.#ports[name], args },
      way,
    );
  }

  /** Both nodes own shards, and nobody else does. */
  settled(): Promise<void> {
    return this.nodes.settled("a", "b");
  }

  async end(): Promise<void> {
    await this.nodes.end();
    for (const links of [this.databaseLinks, this.nodeLinks]) for (const link of Object.values(links)) link.close();
    await this.postgres.remove();
  }
}

type Fault = (stage: Stage, name: NodeName) => Promise<void>;

const bad =
  (to: "databaseLinks" | "nodeLinks", begin: (link: TcpProxy) => void): Fault =>
  async (stage, name) => {
    const link = stage[to][name];
    begin(link);
    await delay(badLeases * leaseMs);
    link.heal();
  };

const stopped =
  (leases: number): Fault =>
  async ({ running, nodes }, name) => {
    const { pid } = running[name]!;
    process.kill(pid, "SIGSTOP");
    await delay(leases * leaseMs);
    // Dead to the other: it owns everything before this one goes on.
    if (leases >= 3) await until("the other node owns all shards", async () => (await nodes.shards()).size === 1);
    process.kill(pid, "SIGCONT");
  };

const faults: readonly (readonly [name: string, fault: Fault])[] = [
  [
    "a node is killed and started again",
    async (stage, name) => {
      await stage.running[name]!.kill9();
      await stage.start(name);
    },
  ],
  ["a node stands still for three leases", stopped(3)],
  ["a node's database does what it is asked, and the answers are lost", bad("databaseLinks", (link) => link.cut(8))],
  ["a node hears nothing of the other", bad("nodeLinks", (link) => link.hold("there"))],
  [
    "a node is asked to stop, and started again under its name",
    async (stage, name) => {
      // It is killed, and this throws, when ten seconds were not enough: nothing may be lost by that either.
      await stage.running[name]!.stop().catch(() => {});
      await stage.start(name);
    },
  ],
  ["a node stands still for half a lease", stopped(0.5)],
  ["a node stands still for a lease", stopped(1)],
  ["a node's database hears nothing", bad("databaseLinks", (link) => link.hold("there"))],
  ["a node hears nothing of its database", bad("databaseLinks", (link) => link.hold("back"))],
  ["a node's database is far away", bad("databaseLinks", (link) => link.slow(80))],
  ["a node is not heard by the other", bad("nodeLinks", (link) => link.hold("back"))],
  ["a node does what the other asks, and its answers are lost", bad("nodeLinks", (link) => link.cut(8))],
  [
    "both nodes are killed and started again",
    async (stage) => {
      await Promise.all([stage.running.a!.kill9(), stage.running.b!.kill9()]);
      await Promise.all([stage.start("a"), stage.start("b")]);
    },
  ],
  [
    "the database is killed and started again",
    async ({ postgres }) => {
      await postgres.downAtOnce();
      await postgres.up();
    },
  ],
  [
    "half of all sessions of the database are ended",
    async ({ postgres }) => {
      await postgres.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pawl%' AND random() < 0.5",
      );
    },
  ],
];

test(`nothing that was acknowledged is lost or doubled by ${faultCount} faults of two nodes (PAWL_TORTURE_SEED=${seed})`, {
  timeout: 600_000 + faultCount * 60_000,
}, async (t) => {
  const crews = await crewsOf(chosenLanguages());
  if ("skipped" in crews) return t.skip(crews.skipped);
  const next = random(seed);
  const stage = await Stage.set();
  const campaign = await Campaign.make(crews.tool);
  try {
    await campaign.begin([stage.running.a!.address, stage.running.b!.address]);
    for (let count = 0; count < faultCount; count++) {
      await delay(next() * leaseMs);
      const [what, fault] = faults[count < faults.length ? count : Math.floor(next() * faults.length)]!;
      const name = count % 2 === 0 ? "b" : "a";
      t.diagnostic(`${name}: ${what}`);
      await fault(stage, name);
      await stage.settled();
      campaign.mustBeLoading();
    }
    const logs = () =>
      Object.values(stage.running)
        .map((node) => node.logs())
        .join("\n");
    const found = await campaign.checked(stage.running.b!.address, logs);
    t.diagnostic(JSON.stringify(found));
    // A run in which hardly anything happened proves nothing.
    assert(found.workflows >= faultCount, `only ${found.workflows} workflows ran`);
    await mustBeSound(stage.nodes.url);
  } finally {
    await campaign.end();
    await stage.end();
  }
});
