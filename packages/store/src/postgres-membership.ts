/** Who is alive and owns what, in PostgreSQL, on connections of its own: a sign of life must not wait behind a large commit. */
import pg from "pg";
import type { Membership, NodeRecord, View } from "./membership.ts";
import { applicationNameOf, clientConfig, messageOf, type PostgresNode } from "./postgres-connection.ts";
import { storedText } from "./postgres-text.ts";
import { acquire } from "./postgres-writer.ts";
import { CommitUnknown, type Lease } from "./store.ts";

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
  readonly #pool: pg.Pool;
  readonly #node: PostgresNode;
  onChange: () => Promise<void> = async () => {};

  constructor(url: string, node: PostgresNode) {
    this.#node = node;
    this.#pool = new pg.Pool({
      ...clientConfig(url),
      max: connectionsMax,
      // A sign of life that takes longer than the lease is none.
      query_timeout: node.leaseMs,
      connectionTimeoutMillis: node.leaseMs,
      lock_timeout: lockMsMax,
    });
    this.#pool.on("error", () => {});
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
    try {
      return { shardId, rangeId: await acquire(this.#pool, { shardId, owner }) };
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
    try {
      return (await this.#pool.query(text, [...values])).rows;
    } catch (error) {
      throw new CommitUnknown(`PostgreSQL did not answer: ${messageOf(error)}`);
    }
  }
}
