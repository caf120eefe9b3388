/** Connections to PostgreSQL: how they are opened, how values come back, what their errors mean, and the claim of one server on a database. */

import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { StateLost, StoreError, StoreUnusable } from "../store.ts";
import { nameOf, type Primary, type Receipts } from "./postgres-primary.ts";
import { textOfStored } from "./postgres-text.ts";

export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database`, with further parameters of a connection behind `?`; or `@host:port,host:port/`, of which the one is used
   * that takes writes.
   */
  readonly url: string;
  /** Connections for reads by key; lists have two more. Default 4. */
  readonly readConnections?: number;
  /**
   * A file that this server alone keeps, to be told by the next one when the database has gone back in between. Default: none, and a database that goes back
   * while nobody uses it is not found out.
   */
  readonly receiptFile?: string;
  /** So many rows of a list are soon read and sorted, wherever they are. Default 4,000. */
  readonly fewRowsMax?: number;
  /** This server is one of several on the database. Without it, it is the only one. */
  readonly node?: PostgresNode;
}

/** One of several servers on a database. */
export interface PostgresNode {
  /** New with every start of the process. */
  readonly id: string;
  /** How long the others wait for a sign of life before they take over. A transaction that its client has left open ends by then. */
  readonly leaseMs: number;
}

const versionMin = 140_000;
const connectMsMax = 5_000;
/** A statement that has no answer by then has lost its server: behind a network that swallows packets nothing else would tell. */
const answerMsMax = 30_000;
/** How long a claim waits for an earlier holder to go, e.g. a server that was killed and whose last statement is still at work. */
const claimMsMax = 10_000;
const claimPollMs = 50;

/** Distinguishes our claims from advisory locks of other programs: "Pawl" in ASCII. */
const lockClass = 0x5061_776c;
/** The same for what one of several nodes holds by itself: "Pawn". */
const nodeLockClass = 0x5061_776e;
/** For the changes that one node at a time makes to the tables. */
const schemaLockClass = 0x5061_7773;

/**
 * For connections whose statements find each row by its key. What the planner believes of a table that has just begun to grow, and keeps for a prepared
 * statement, must not make it read the whole table. So one plan does for any number of keys: to make another takes longer than to look up or write a few.
 */
export const byKeySettings = `
  SET enable_seqscan = off;
  SET enable_hashjoin = off;
  SET enable_mergejoin = off;
  SET plan_cache_mode = force_generic_plan;
  SET jit = off`;

const oids = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, oid: 26 } as const;

/** What a value of a row is, from its text: bytes are a `Uint8Array`, whole numbers are numbers. */
function parserOf(oid: number): (text: string) => unknown {
  switch (oid) {
    case oids.bool:
      return (text) => text === "t";
    case oids.bytea:
      return bytesOfHex;
    case oids.int2:
    case oids.int4:
    case oids.int8:
    case oids.oid:
      return Number;
    case oids.text:
      return textOfStored;
    default:
      return (text) => text;
  }
}

/** `\x0123…`. Memory of its own: caches keep these for long, and would keep all of a shared piece with one. */
function bytesOfHex(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow((text.length - 2) / 2);
  bytes.write(text.slice(2), "hex");
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** By this name PostgreSQL lists the sessions of a node, so that another may end them. */
export function applicationNameOf(nodeId: string): string {
  return `pawl ${nodeId}`;
}

export function clientConfig(url: string, node?: PostgresNode): pg.ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: connectMsMax,
    query_timeout: answerMsMax,
    keepAlive: true,
    application_name: node === undefined ? "pawl" : applicationNameOf(node.id),
    types: { getTypeParser: parserOf } as unknown as pg.CustomTypesConfig,
  };
}

/** The one connection that writes, with the claim on the database. */
export interface WriterConnection {
  readonly db: pg.Client;
  /** For the end of the session that is left behind, see `claim`. */
  readonly processId: number;
}

type KnownReceipts = Pick<Receipts, "writer" | "acknowledged">;

export interface WriterOptions {
  readonly primary: Primary;
  readonly node?: PostgresNode | undefined;
  /** What this process was told is committed, by whichever connection. */
  readonly receipts: readonly KnownReceipts[];
}

/**
 * Opens a connection and claims the database for it: a session lock, which only one connection has, and which PostgreSQL frees when the session
 * has ended with all it was doing. So whoever holds it knows that no commit of an earlier holder can still appear.
 *
 * `predecessor` is this server's own earlier session, if there was one: it is ended, as nobody listens to it any more.
 * Throws `StoreUnusable` when somebody else holds the claim or nobody can, and for a server that is too old or a database that is not in UTF-8, `StateLost`
 * when the database has gone back.
 */
export async function openWriter(
  { primary, node, receipts }: WriterOptions,
  predecessor?: number,
): Promise<WriterConnection> {
  const movesBefore = primary.moves;
  const db = await connectToPrimary(primary, node);
  const where = primary.name;
  // The number means a session of the server that was left.
  const earlier = primary.moves === movesBefore ? predecessor : undefined;
  try {
    await db.query(`
      SET idle_session_timeout = 0;
      SET idle_in_transaction_session_timeout = ${node?.leaseMs ?? 60_000};
      SET statement_timeout = '1min';
      SET tcp_keepalives_idle = 10;
      SET tcp_keepalives_interval = 5;
      SET tcp_keepalives_count = 3;
      SET default_transaction_isolation = 'read committed'`);
    await db.query(byKeySettings);
    // What waits for more than the local disk is left as it is.
    await db.query(
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')",
    );
    const processId: number = (await db.query("SELECT pg_backend_pid() AS pid")).rows[0].pid;
    if (node === undefined) await claim(db, where, databaseLock, earlier);
    else {
      await claim(db, where, sharedDatabaseLock, undefined);
      // A node may have more than one schema of a database.
      const key = `(${lockKeyOf(node.id)} # ${schemaKey})`;
      await claim(db, where, { ...databaseLock, class: nodeLockClass, key }, earlier);
    }
    for (const each of receipts) await requireReceipts(db, where, each);
    return { db, processId };
  } catch (error) {
    await db.end().catch(() => {});
    throw error;
  }
}

/** All of its hosts are asked at once, as one that is dead may never answer; the first that takes writes is it. */
async function connectToPrimary(primary: Primary, node: PostgresNode | undefined): Promise<pg.Client> {
  let isFound = false;
  const tries = primary.urls.map(async (url) => {
    const db = new pg.Client(clientConfig(url, node));
    // The loss of an idle connection is noticed by the next use of it; without a listener it would end the process.
    db.on("error", () => {});
    try {
      await db.connect();
      await requireUsable(db, nameOf(url));
      const timeline = primary.urls.length === 1 ? 0 : await timelineOf(db);
      if (isFound) throw new StoreUnusable(`${nameOf(url)} takes writes beside another`);
      primary.found(url, timeline);
      isFound = true;
      return db;
    } catch (error) {
      await db.end().catch(() => {});
      throw error;
    }
  });
  try {
    return await Promise.any(tries);
  } catch (error) {
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    if (errors.length === 1) throw errors[0];
    const why = errors.map((each, at) => {
      const said = messageOf(each);
      return each instanceof StoreError ? said : `${nameOf(primary.urls[at]!)}: ${said}`;
    });
    throw new StoreUnusable(`none of the hosts takes writes: ${why.join("; ")}`);
  }
}

/** The first eight digits of the name of a piece of the log. */
async function timelineOf(db: pg.Client): Promise<number> {
  const { rows } = await db.query("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline");
  return Number.parseInt(rows[0].timeline, 16);
}

/** F3. Throws `StateLost`. */
async function requireReceipts(db: pg.Client, where: string, { writer, acknowledged }: KnownReceipts): Promise<void> {
  if (acknowledged.length === 0) return;
  const text = "SELECT FROM receipt WHERE writer = $1 AND number = ANY ($2::bigint[])";
  const { rowCount } = await db.query(text, [writer, acknowledged]);
  if (rowCount !== acknowledged.length) throw new StateLost(where);
}

async function requireUsable(db: pg.Client, where: string): Promise<void> {
  const { rows } = await db.query(
    "SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS follows, current_schema() AS schema",
  );
  const [{ version, encoding, follows, schema }] = rows;
  if (version < versionMin)
    throw new StoreUnusable(`${where} is PostgreSQL ${Math.floor(version / 10_000)}; Pawl needs 14 or newer`);
  if (encoding !== "UTF8") throw new StoreUnusable(`${where} is in ${encoding}; Pawl needs a database in UTF8`);
  if (follows) throw new StoreUnusable(`${where} is a standby, which takes no writes; connect to its primary`);
  if (schema === null) throw new StoreUnusable(`${where} has no schema of its search_path`);
}

/** What a session claims: a lock of PostgreSQL's that ends with the session. */
interface Claim {
  readonly take: "pg_try_advisory_lock" | "pg_try_advisory_lock_shared";
  readonly class: number;
  /** As SQL. */
  readonly key: string;
}

// Schemas of one database are apart: each may be one server's.
const schemaKey = "(SELECT (oid::bigint & 2147483647)::integer FROM pg_namespace WHERE nspname = current_schema())";
const databaseLock: Claim = { take: "pg_try_advisory_lock", class: lockClass, key: schemaKey };
/** Nodes of one cluster share a database; a server that wants it for itself is kept out, and keeps them out. */
const sharedDatabaseLock: Claim = { ...databaseLock, take: "pg_try_advisory_lock_shared" };

/** FNV-1a in 31 bits. */
function lockKeyOf(nodeId: string): number {
  let hash = 0x811c9dc5;
  for (const char of nodeId) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash & 0x7fff_ffff;
}

/** Does what only one node at a time may do to the tables. */
export async function withSchemaLock<T>(db: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await db.query(`SELECT pg_advisory_lock(${schemaLockClass}, ${schemaKey})`);
  try {
    return await work();
  } finally {
    await db.query(`SELECT pg_advisory_unlock(${schemaLockClass}, ${schemaKey})`);
  }
}

async function claim(db: pg.Client, where: string, lock: Claim, predecessor: number | undefined): Promise<void> {
  const giveUpAtMs = performance.now() + claimMsMax;
  for (;;) {
    const { rows } = await db.query(`SELECT ${lock.take}(${lock.class}, ${lock.key}) AS is_ours`);
    const held = `l.locktype = 'advisory' AND l.classid = ${lock.class} AND l.objid = ${lock.key} AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    if (rows[0]?.is_ours === true) {
      // Databases that speak PostgreSQL's protocol and have no such locks may say yes to everybody.
      const { rowCount } = await db.query(`SELECT FROM pg_locks l WHERE ${held} AND l.pid = pg_backend_pid()`);
      if (rowCount === 1) return;
      throw new StoreUnusable(`${where} grants an advisory lock and does not hold it; Pawl needs a database that does`);
    }
    const holders = await db.query(`
      SELECT a.pid, a.client_addr::text AS address FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE ${held}`);
    const [holder] = holders.rows;
    if (predecessor !== undefined && holder?.pid === predecessor)
      await db.query("SELECT pg_terminate_backend($1)", [predecessor]);
    else if (performance.now() > giveUpAtMs)
      throw new StoreUnusable(
        `${where} is in use by another server${holder ? ` (at ${holder.address ?? "this machine"}, session ${holder.pid})` : ""}; ` +
          "one server at a time may use a database: stop that one, or choose another database or schema",
      );
    await delay(claimPollMs);
  }
}

/** Classes of SQLSTATE that say that the statement can never be stored, whatever the state of the server: data, constraints, syntax, sizes. */
const rejections = new Set(["22", "23", "42", "54"]);
const diskFull = "53100";

/**
 * What an error of a write means. `rejected` and `full`: PostgreSQL has said so, and nothing was written. `unknown`: everything else, first of all
 * a connection that broke.
 */
export function outcomeOf(error: unknown): "rejected" | "full" | "unknown" {
  const state = sqlStateOf(error);
  if (state === null) return "unknown";
  if (state === diskFull) return "full";
  return rejections.has(state.slice(0, 2)) ? "rejected" : "unknown";
}

/** The five characters of an error that PostgreSQL has sent; null for any other error. */
export function sqlStateOf(error: unknown): string | null {
  return error instanceof pg.DatabaseError && error.code !== undefined ? error.code : null;
}

export function messageOf(error: unknown): string {
  // A failure to connect to each of a host's addresses comes as one error with an empty message.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
