/** Connections that read, to wherever the primary is now (F1 of `postgres-primary.ts`). */
import pg from "pg";
import { clientConfig, type PostgresNode } from "./postgres-connection.ts";
import type { Primary } from "./postgres-primary.ts";
import { answered } from "./postgres-silence.ts";

export interface ReadPoolOptions {
  readonly primary: Primary;
  readonly node: PostgresNode | undefined;
  readonly connections: number;
  /** Statements that each connection begins with. */
  readonly settings?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: what a row holds is known by its statement alone.
export type Row = Record<string, any>;

export class ReadPool {
  readonly #options: ReadPoolOptions;
  #pool: pg.Pool;
  /** Of the primary, when the pool was made. */
  #moves: number;

  constructor(options: ReadPoolOptions) {
    this.#options = options;
    this.#moves = options.primary.moves;
    this.#pool = this.#open();
  }

  async rows(query: pg.QueryConfig): Promise<Row[]> {
    const { url } = this.#options.primary;
    const db = await this.#poolOfPrimary().connect();
    // The loss of the connection fails the query; without a listener it would end the process, too.
    const ignore = () => {};
    db.on("error", ignore);
    try {
      const { rows } = await answered(db, url, () => db.query(query));
      db.off("error", ignore);
      db.release();
      return rows;
    } catch (error) {
      db.release(true);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  #open(): pg.Pool {
    const { primary, node, connections, settings } = this.#options;
    const pool = new pg.Pool({ ...clientConfig(primary.url, node), max: connections });
    // The pool has already dropped the connection that broke; without a listener it would end the process.
    pool.on("error", () => {});
    // Not awaited: statements of a connection go one after another, and those behind one that found it broken find the same.
    if (settings !== undefined) pool.on("connect", (db) => void db.query(settings).catch(() => {}));
    return pool;
  }

  #poolOfPrimary(): pg.Pool {
    const { moves } = this.#options.primary;
    if (moves !== this.#moves) {
      this.#moves = moves;
      // Not awaited: the server that is left may never answer.
      this.#pool.end().catch(() => {});
      this.#pool = this.#open();
    }
    return this.#pool;
  }
}
