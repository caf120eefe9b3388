/**
 * Which of a database's servers takes writes. A URL may name several hosts, `postgres://user:password@one:5432,two:5432/database`: a primary and the
 * standbys that follow it, of which one may be promoted when it dies.
 *
 *   F1. Everything is read where is written, so that a read sees what was committed before (D4 of `store.ts`): when the writing connection finds another
 *       server, the others leave the one before.
 *   F2. A primary that came back after another was promoted is on an older timeline of PostgreSQL's log, and is refused.
 *   F3. A promoted standby may lack commits that were acknowledged, if it was not a synchronous one. Each transaction leaves a receipt, and a new
 *       connection looks for the last one that was acknowledged: as commits follow each other in the log, those before it are there with it. If it is not
 *       there, what this process has in memory is ahead of the database, and it must not go on (`StateLost`).
 *   F4. With a file for them, the last receipts outlive the process: the next one looks for them before anything else.
 */
import { StoreUnusable } from "../store.ts";

const urlForm = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^@/?#]*)([^?#]*)(.*)$/s;
/** As libpq calls what is wanted of one host among several. Everything else would be a server that takes no writes. */
const wantedAttributes = ["any", "primary", "read-write"];

/** How messages name a database: never with its password, which is not shown for a text that is no URL either. */
export function nameOf(url: string): string {
  const [, , hosts, path] = urlForm.exec(url) ?? [];
  return `postgres://${hosts ?? ""}${path ?? ""}`;
}

/** The same for the databases of a list. */
export function nameOfAll(list: string): string {
  return databasesOf(list).map(nameOf).join(", ");
}

/** The URL of each of its hosts. Throws `StoreUnusable` for a text that is no URL of a database; the message does not repeat it. */
export function urlsOfHosts(url: string): readonly string[] {
  const [, before, hosts, path, after] = urlForm.exec(url) ?? [];
  const urls = (hosts ?? "").split(",").map((host) => `${before}${host}${path}${after}`);
  if (before === undefined || !urls.every((each) => URL.canParse(each)))
    throw new StoreUnusable("the database is given as postgres://user:password@host:port/database");
  return urls.map((each) => {
    const parsed = new URL(each);
    const wanted = parsed.searchParams.get("target_session_attrs");
    if (wanted !== null && !wantedAttributes.includes(wanted))
      throw new StoreUnusable(`target_session_attrs=${wanted}: a server that takes writes is needed (read-write)`);
    if (wanted === null) return each;
    parsed.searchParams.delete("target_session_attrs");
    return parsed.href;
  });
}

/** The databases of a list: URLs with commas between them, where the next begins with its scheme. */
export function databasesOf(list: string): readonly string[] {
  return list.split(/,(?=postgres(?:ql)?:\/\/)/);
}

export class Primary {
  readonly name: string;
  readonly urls: readonly string[];
  #url: string;
  #timeline = 0;
  #moves = 0;

  /** Throws `StoreUnusable`. */
  constructor(url: string) {
    this.name = nameOf(url);
    this.urls = urlsOfHosts(url);
    this.#url = this.urls[0]!;
  }

  /** Of the server that was last found to take writes. */
  get url(): string {
    return this.#url;
  }

  /** Grows when another server, or the same one on another timeline, has been found. */
  get moves(): number {
    return this.#moves;
  }

  /** F2. Throws `StoreUnusable`. */
  found(url: string, timeline: number): void {
    if (timeline < this.#timeline)
      throw new StoreUnusable(
        `${nameOf(url)} has been primary before another server was promoted (timeline ${timeline}, and ${this.#timeline} is known); it must follow that one`,
      );
    if (url !== this.#url || timeline !== this.#timeline) this.#moves += 1;
    this.#url = url;
    this.#timeline = timeline;
  }
}

/** How those who do not write find out where the primary is now: the writing connection looks for it, and they follow. */
export interface PrimaryWatch {
  /** null when it is known; otherwise a promise of it, which may reject with a `StoreError`. */
  settled(): Promise<unknown> | null;
  /** The server that was known cannot be reached. */
  doubt(): void;
}

/** F3: the receipts of transactions on some connections. */
export class Receipts {
  readonly writer: string;
  readonly #connections: number;
  readonly #onAcknowledged: (acknowledged: readonly number[]) => void;
  #made = 0;
  #acknowledged: number[] = [];

  /** `writer`: of this process alone. `onAcknowledged` is told each time of the last ones. */
  constructor(
    writer: string,
    connections: number,
    onAcknowledged: (acknowledged: readonly number[]) => void = () => {},
  ) {
    this.#onAcknowledged = onAcknowledged;
    this.writer = writer;
    this.#connections = connections;
  }

  /** For a transaction that begins. */
  next(): number {
    this.#made += 1;
    return this.#made;
  }

  acknowledge(number: number): void {
    this.#acknowledged.push(number);
    if (this.#acknowledged.length > this.#connections) this.#acknowledged.shift();
    this.#onAcknowledged(this.#acknowledged);
  }

  /** The last ones. The last in the log is among them, as only those that were under way on the other connections can have been told after it. */
  get acknowledged(): readonly number[] {
    return this.#acknowledged;
  }
}
