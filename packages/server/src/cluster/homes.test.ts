/** Task queues that live where their workers call: all nodes come to agree on where, whatever messages get lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import { namespaceId, settle } from "../matching/rig.ts";
import { Homes, type QueuePlace } from "./homes.ts";
import { ownerOf } from "./placement.ts";
import { decode, encode } from "./wire.ts";

const place: QueuePlace = { type: "queue", namespaceId, taskQueue: "orders", partition: 0 };
const ids = ["node-a", "node-b", "node-c"];
const landlord = ownerOf(ids, place)!;
const [host, bystander] = ids.filter((id) => id !== landlord) as [string, string];

/** Nodes without a network between them but this one, on one clock. */
class Cluster {
  readonly clock = new ManualClock();
  readonly homes = new Map<string, Homes>();
  /** What each node believes of who is there. */
  readonly views = new Map<string, readonly string[]>();
  /** What goes wrong with the next messages, first ones first; nothing once it is empty. */
  troubles: ("none" | "request" | "answer")[] = [];
  /** By node, how often it had another idea of where queues are. */
  readonly moved = new Map<string, number>();

  readonly #old: readonly string[];

  /** `old`: nodes that know nothing of all this. */
  constructor(old: readonly string[] = []) {
    this.#old = old;
    for (const id of ids) {
      this.views.set(id, ids);
      const parts = {
        ...{ id, clock: this.clock, owners: () => this.views.get(id)! },
        ask: (to: string, method: string, value: unknown) => this.#ask(id, to, method, value),
        onMoved: () => void this.moved.set(id, (this.moved.get(id) ?? 0) + 1),
      };
      this.homes.set(id, new Homes(parts));
    }
  }

  at(id: string): Homes {
    return this.homes.get(id)!;
  }

  /** Where the queue is to this node. */
  seenBy(id: string): string {
    return this.at(id).of(place) ?? ownerOf(this.views.get(id)!, place)!;
  }

  /** Where a call for the queue ends that comes to this node: sent on as nodes do it, once at a time. */
  async found(id: string): Promise<string> {
    for (let tries = 0; tries < 10; tries++) {
      const to = this.seenBy(id);
      if (to === id || this.seenBy(to) === to) return to;
      this.at(to).tell(id, place);
      this.at(id).refused(place, to);
      await settle();
    }
    return "nowhere";
  }

  async poll(entry: string, count: number): Promise<void> {
    for (let polls = 0; polls < count; polls++) this.homes.get(await this.found(entry))?.polled(place, entry);
    await settle();
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.clock.advance(250);
      await settle();
    }
  }

  see(id: string, nodes: readonly string[]): void {
    this.views.set(id, nodes);
    this.at(id).follow();
  }

  end(): void {
    for (const homes of this.homes.values()) homes.close();
  }

  async #ask(from: string, to: string, method: string, value: unknown): Promise<{ value: unknown } | undefined> {
    await null;
    const trouble = this.troubles.shift();
    if (trouble === "request" || this.#old.includes(to)) return undefined;
    const answer = this.#answer(from, this.at(to), method, decode(encode(value)) as never);
    return trouble === "answer" ? undefined : { value: decode(encode(answer)) };
  }

  #answer(from: string, homes: Homes, method: string, value: never): unknown {
    switch (method) {
      case "Host":
        return homes.host(value, from);
      case "Unhost":
        return homes.unhost(value, from);
      case "Homes":
        return homes.heard(value, from);
      default:
        throw new Error(`nobody asks for ${method}`);
    }
  }
}

const many = clusterLimits.homePollsMin;

function everywhere(cluster: Cluster): string[] {
  return ids.map((id) => cluster.seenBy(id));
}

test("a queue whose polls all come to one node lives there, for all nodes, and for as long as they do", async () => {
  const cluster = new Cluster();
  await cluster.poll(host, many - 1);
  assert.deepEqual(everywhere(cluster), [landlord, landlord, landlord]);
  await cluster.poll(host, 1);
  assert.deepEqual(everywhere(cluster), [host, host, host]);
  for (const id of ids) assert.ok((cluster.moved.get(id) ?? 0) > 0, `${id} looks at its queues again`);
  for (let leases = 0; leases < 5; leases++) {
    await cluster.pass(clusterLimits.homeLeaseMs);
    await cluster.poll(host, 1);
  }
  assert.deepEqual(everywhere(cluster), [host, host, host]);
  cluster.end();
});

test("a queue stays where it is placed while its polls come to several nodes, or seldom, or there", async () => {
  const cluster = new Cluster();
  for (let polls = 0; polls < many; polls++) {
    await cluster.poll(host, 2);
    await cluster.poll(bystander, 1);
  }
  await cluster.pass(clusterLimits.homeWindowMs);
  await cluster.poll(landlord, 2 * many);
  for (let polls = 0; polls < 2 * many; polls++) {
    await cluster.poll(host, 1);
    await cluster.pass(clusterLimits.homeWindowMs / 4);
  }
  assert.deepEqual(everywhere(cluster), [landlord, landlord, landlord]);
  cluster.end();
});

test("its landlord has it back when most polls come to others, and when none come any more", async () => {
  const cluster = new Cluster();
  await cluster.poll(host, many);
  await cluster.poll(host, 3);
  await cluster.poll(bystander, 4);
  await cluster.pass(clusterLimits.homeRenewMs);
  assert.deepEqual(everywhere(cluster), [landlord, landlord, landlord]);
  await cluster.poll(host, many);
  assert.deepEqual(everywhere(cluster), [host, host, host]);
  await cluster.pass(clusterLimits.homeRenewMs * (clusterLimits.homeIdleRenewals + 2));
  assert.deepEqual(everywhere(cluster), [landlord, landlord, landlord]);
  cluster.end();
});

test("a node of a version that takes no queues is given none", async () => {
  const cluster = new Cluster([host]);
  await cluster.poll(host, 3 * many);
  assert.deepEqual(everywhere(cluster), [landlord, landlord, landlord]);
  cluster.end();
});

test("only the landlord gives a queue away, and a node that leaves takes none", async () => {
  const cluster = new Cluster();
  assert.deepEqual(cluster.at(host).host([place], bystander), [null]);
  cluster.at(bystander).heard([{ place, nodeId: host }], host);
  cluster.see(
    host,
    ids.filter((id) => id !== host),
  );
  assert.deepEqual(cluster.at(host).host([place], landlord), [null]);
  assert.deepEqual(everywhere(cluster), [landlord, landlord, landlord]);
  cluster.end();
});

test("when nodes come or go, queues are where they are placed", async () => {
  const cluster = new Cluster();
  await cluster.poll(host, many);
  for (const id of ids) cluster.see(id, ids);
  await settle();
  assert.deepEqual(everywhere(cluster), [landlord, landlord, landlord]);
  await cluster.poll(host, many);
  const left = ids.filter((id) => id !== host);
  for (const id of left) cluster.see(id, left);
  assert.deepEqual(
    left.map((id) => cluster.seenBy(id)),
    [landlord, landlord],
  );
  cluster.end();
});

test("whatever messages get lost, after a lease all calls find one and the same node again", async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("poll"), at: fc.constantFrom(...ids), count: fc.integer({ min: 1, max: 2 * many }) }),
    fc.record({ type: fc.constant("pass"), ms: fc.integer({ min: 250, max: clusterLimits.homeLeaseMs }) }),
    fc.record({ type: fc.constant("see"), at: fc.constantFrom(...ids) }),
  );
  const troubles = fc.array(fc.constantFrom("none" as const, "request" as const, "answer" as const), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), troubles, async (steps, lost) => {
      const cluster = new Cluster();
      cluster.troubles = lost;
      for (const one of steps) {
        if ("count" in one) await cluster.poll(one.at, one.count);
        else if ("ms" in one) await cluster.pass(one.ms);
        else cluster.see(one.at, ids);
      }
      cluster.troubles = [];
      await cluster.pass(clusterLimits.homeLeaseMs + 2 * clusterLimits.homeRenewMs);
      const found = await Promise.all(ids.map((id) => cluster.found(id)));
      assert.equal(new Set(found).size, 1, `${found}`);
      assert.equal(cluster.seenBy(found[0]!), found[0]);
      cluster.end();
    }),
    { numRuns: 200 },
  );
});
