/**
 * A statement without an answer. Its server may have much to do, or wait for a lock or a standby; or it is gone with its machine, or the network between has
 * forgotten the connection, and then nothing would ever tell: TCP itself gives up after a quarter of an hour. So another connection is made and asks
 * what the session is doing.
 *
 *   N1. A session that is at work is waited for, up to the timeout of its statement.
 *   N2. Where no connection can be made, or the session has nothing to do, or is not there, the connection is destroyed: what was under way on it fails,
 *       with an outcome that is not known. A machine that is only slow takes connections up all the same, and has more time to answer.
 */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { clientConfig, sqlStateOf } from "./postgres-connection.ts";

/** With `takeUpMsMax` within the two seconds behind a lease of five, in which others take over what a node has lost. */
const silentMsMax = 3_000;
const takeUpMsMax = 3_000;
const answerMsMax = 10_000;
const askAgainMs = 1_000;

interface Asked {
  isOver: boolean;
}

/** The result of `ask`, which runs statements on the connection, made to `url`. Rejects as `ask` does. */
export async function answered<T>(db: pg.ClientBase, url: string, ask: () => Promise<T>): Promise<T> {
  // No `AbortController`: the error that one makes for each statement would cost a node 2 % of its time.
  const asked: Asked = { isOver: false };
  const timer = setTimeout(() => void watch(db, url, asked), silentMsMax);
  try {
    return await ask();
  } finally {
    clearTimeout(timer);
    asked.isOver = true;
  }
}

/** What waits for an answer on the connection fails at once, and nothing of it is waited for. */
export function destroy(db: pg.ClientBase): void {
  streamOf(db).destroy();
}

function streamOf(db: pg.ClientBase): Socket {
  return (db as unknown as { connection: { stream: Socket } }).connection.stream;
}

async function watch(db: pg.ClientBase, url: string, asked: Readonly<Asked>): Promise<void> {
  for (let idleSince: string | null = null; !asked.isOver; ) {
    const session = await sessionOf(db, url);
    if (asked.isOver) return;
    // An answer may have been on its way: only who has had nothing to do since the last time has sent it long ago.
    if (session.type === "away" || (session.type === "idle" && session.since === idleSince)) return destroy(db);
    idleSince = session.type === "idle" ? session.since : null;
    await delay(askAgainMs);
  }
}

type Session =
  /** Or there is no telling. */
  | { readonly type: "atWork" }
  /** Since a time of the server's. */
  | { readonly type: "idle"; readonly since: string }
  /** The server cannot be reached. */
  | { readonly type: "away" };

const sessionText = "SELECT state, state_change::text AS since FROM pg_stat_activity WHERE pid = $1";

async function sessionOf(db: pg.ClientBase, url: string): Promise<Session> {
  const { processID } = db as unknown as { processID: number };
  const config = { ...clientConfig(url), connectionTimeoutMillis: answerMsMax, query_timeout: answerMsMax };
  const other = new pg.Client(config);
  other.on("error", () => {});
  const notTakenUp = setTimeout(() => {
    // This process may have stood still: what came meanwhile is heard before the end of this turn.
    setImmediate(() => isTakenUp || destroy(other));
  }, takeUpMsMax);
  let isTakenUp = false;
  streamOf(other).once("connect", () => {
    isTakenUp = true;
  });
  try {
    await other.connect();
    const { rows } = await other.query(sessionText, [processID]);
    const { state, since } = rows[0] ?? { state: "gone", since: "gone" };
    return state === "active" || state === null ? { type: "atWork" } : { type: "idle", since };
  } catch (error) {
    // It lives, and has no connection to spare or is just coming up.
    return sqlStateOf(error) === null ? { type: "away" } : { type: "atWork" };
  } finally {
    clearTimeout(notTakenUp);
    // Not awaited: the other side may never answer.
    other.end().catch(() => {});
    destroy(other);
  }
}
