/** Who is alive and owns what, in PostgreSQL, on connections of its own: a sign of life must not wait behind a large commit. */
import pg from "pg";
import type { Membership, NodeRecord, View } from "../membership.ts";
import { CommitUnknown, type Lease } from "../store.ts";
import { applicationNameOf, clientConfig, messageOf, type PostgresNode, sqlStateOf } from "./postgres-connection.ts";
import { type Primary, type PrimaryWatch, Receipts } from "./postgres-primary.ts";
import { storedText } from "./postgres-text.ts";
import { acquire } from "./postgres-writer.ts";

const connectionsMax = 2;
/** Who waits longer for a lock is told to try again: the lock's holder may have to be evicted first. */
const lockMsMax = 1_000;
/** A record that has been dead for so many leases is of no use to anybody. */
const forgetAfterLeases = 10;

const beatText = `
  WITH beat AS (
    INSERT INTO node (node_id, name, address, state, expires_at)
    VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond')
    ON CONFLICT (node_id) DO UPDATE SET state = excluded.state, address = excluded.address, expires_at = excluded.expires_at
    RETURNING node_id
  ), forgotten AS (
    DELETE FROM node WHERE expires_at < clock_timestamp() - $6 * interval '1 millisecond' AND node_id <> $1
  )
  SELECT
    (SELECT version FROM change) AS changes,
    (SELECT json_agg(json_build_object('id', node_id, 'name', name, 'address', address, 'state', state) ORDER BY node_id)
      FROM node WHERE expires_at > clock_timestamp() AND node_id <> $1) AS nodes,
    (SELECT json_agg(json_build_object('shardId', shard_id, 'owner', owner)) FROM shard) AS owners
  FROM beat`;

export class PostgresMembership implements Membership {
  /** Of acquisitions, which go by connections of this. */
  readonly receipts: Receipts;
  readonly #primary: Primary;
  #watch: PrimaryWatch | undefined;
  #pool: pg.Pool;
  #moves: number;
  readonly #node: PostgresNode;
  onChange: () => Promise<void> = async () => {};

  constructor(primary: Primary, node: PostgresNode) {
    this.#primary = primary;
    this.#node = node;
    this.receipts = new Receipts(`${node.id} shards`, connectionsMax);
    this.#moves = primary.moves;
    this.#pool = this.#open();
  }

  #open(): pg.Pool {
    const { leaseMs } = this.#node;
    const pool = new pg.Pool({
      ...clientConfig(this.#primary.url),
      max: connectionsMax,
      // A sign of life that takes longer than the lease is none.
      query_timeout: leaseMs,
      connectionTimeoutMillis: leaseMs,
      lock_timeout: lockMsMax,
    });
    pool.on("error", () => {});
    return pool;
  }

  /** Where there are several hosts. Of one alone there is nothing to find out, and a sign of life waits for nobody. */
  follow(watch: PrimaryWatch): void {
    if (this.#primary.urls.length > 1) this.#watch = watch;
  }

  #poolOfPrimary(): pg.Pool {
    const { moves } = this.#primary;
    if (moves !== this.#moves) {
      this.#moves = moves;
      this.#pool.end().catch(() => {});
      this.#pool = this.#open();
    }
    return this.#pool;
  }

  watch(listener: () => Promise<void>): void {
    this.onChange = listener;
  }

  async beat(node: NodeRecord): Promise<View> {
    const { leaseMs } = this.#node;
    const { id, name, address, state } = node;
    const values = [id, storedText(name), storedText(address), state, leaseMs, leaseMs * forgetAfterLeases];
    const [row] = await this.#run(beatText, values);
    const others: NodeRecord[] = JSON.parse(row?.nodes ?? "[]");
    const nodes = [...others, node].sort((a, b) => (a.id < b.id ? -1 : 1));
    return { nodes, owners: JSON.parse(row?.owners ?? "[]"), changes: row?.changes ?? 0 };
  }

  async leave(nodeId: string): Promise<void> {
    await this.#run("DELETE FROM node WHERE node_id = $1", [nodeId]);
  }

  async acquire(shardId: number, owner: string): Promise<Lease> {
    await this.#watch?.settled();
    const pool = this.#poolOfPrimary();
    const { writer } = this.receipts;
    const receipt = this.receipts.next();
    try {
      const rangeId = await acquire(pool, { shardId, owner, writer, receipt });
      // Where it was taken is no longer where it counts.
      if (pool !== this.#poolOfPrimary()) throw new Error("another server has become the primary");
      this.receipts.acknowledge(receipt);
      return { shardId, rangeId };
    } catch (error) {
      throw new CommitUnknown(`shard ${shardId} may or may not have been taken over: ${messageOf(error)}`);
    }
  }

  async release({ shardId, rangeId }: Lease): Promise<void> {
    await this.#run("UPDATE shard SET owner = '' WHERE shard_id = $1 AND range_id = $2", [shardId, rangeId]);
  }

  async evict(nodeId: string): Promise<void> {
    await this.#run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
      [applicationNameOf(nodeId)],
    );
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #run(text: string, values: readonly unknown[]): Promise<Record<string, never>[]> {
    await this.#watch?.settled();
    try {
      return (await this.#poolOfPrimary().query(text, [...values])).rows;
    } catch (error) {
      if (sqlStateOf(error) === null) this.#watch?.doubt();
      throw new CommitUnknown(`PostgreSQL did not answer: ${messageOf(error)}`);
    }
  }
}
