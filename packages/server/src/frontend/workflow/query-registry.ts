/**
 * Questions that wait for a worker's answer. In memory only: when the process ends, their callers ask again.
 *
 * A *direct* query is a task of its own, handed to a worker while its workflow has nothing to do. A *buffered* one rides on a workflow task:
 *
 *   waiting ──a workflow task starts──▶ attached ──it completes with the answer──▶ answered
 *      ▲                                   │
 *      └── it completes without, fails, times out
 *
 *   B1. A query rides only on a task that started after it was asked, so that the answer knows every event that was acknowledged before.
 */
import type { Located } from "@pawl/engine";
import type { common, failure, query } from "@pawl/protocol";
import { limits } from "../../limits.ts";

export type QueryAnswer =
  | { readonly type: "answered"; readonly result: common.Payloads | undefined }
  | { readonly type: "failed"; readonly message: string; readonly failure: failure.Failure | undefined };

export interface BufferedQuery {
  readonly id: string;
  readonly query: query.WorkflowQuery;
  /** The first workflow task that may carry it, by stamp (B1). */
  readonly firstStamp: number;
  readonly state: { readonly type: "waiting" } | { readonly type: "attached"; readonly stamp: number } | QueryAnswer;
}

interface Entry extends BufferedQuery {
  state: BufferedQuery["state"];
  /** Told of every change of `state`, and when a worker's answer to its task has been dealt with. */
  notify: () => void;
}

export interface DirectQuery {
  readonly id: string;
  readonly namespaceId: string;
  readonly located: Located;
  readonly query: query.WorkflowQuery;
}

/** The queries that ride on a task, by id. */
export type Carried = Readonly<Record<string, query.WorkflowQuery>>;

/** The run of a task. */
export interface Asked {
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
}

/** The id of a question, which says on which node of several its caller waits. */
export function questionId(uuid: string, home: string): string {
  return home === "" ? uuid : `${home}/${uuid}`;
}

/** The node on which the caller of a question waits; "" when there is only one. */
export function homeOf(id: string): string {
  return id.slice(0, Math.max(0, id.indexOf("/")));
}

export class QueryRegistry {
  /** The id of this node, when it is one of several. */
  readonly home: string;
  readonly #buffered = new Map<string, Entry[]>();
  /** Tasks whose completion is under way: its outcome decides what becomes of their queries. */
  readonly #responding = new Set<string>();
  readonly #direct = new Map<string, DirectQuery & { readonly answer: (answer: QueryAnswer) => void }>();

  constructor(home = "") {
    this.home = home;
  }

  /** Undefined when as many wait already as may. */
  buffer(runId: string, asked: Pick<BufferedQuery, "id" | "query" | "firstStamp">): BufferedQuery | undefined {
    const entries = this.#buffered.get(runId) ?? [];
    if (entries.length >= limits.bufferedQueriesMax) return undefined;
    const entry: Entry = { ...asked, state: { type: "waiting" }, notify: () => {} };
    entries.push(entry);
    this.#buffered.set(runId, entries);
    return entry;
  }

  /** Resolves at the next change of the query, or when the signal aborts. Call it before reading `state`. */
  changed(asked: BufferedQuery, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const entry = asked as Entry;
      const end = () => {
        signal.removeEventListener("abort", end);
        resolve();
      };
      entry.notify = end;
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    });
  }

  remove(runId: string, asked: BufferedQuery): void {
    const left = this.#buffered.get(runId)?.filter((entry) => entry !== asked) ?? [];
    if (left.length === 0) this.#buffered.delete(runId);
    else this.#buffered.set(runId, left);
  }

  /** The queries that a workflow task which has just started carries, by id. A promise when another node must be asked. */
  attach({ runId }: Asked, stamp: number): Carried | Promise<Carried> {
    return this.attachHere(runId, stamp);
  }

  attachHere(runId: string, stamp: number): Carried {
    const carried: Record<string, query.WorkflowQuery> = {};
    for (const entry of this.#buffered.get(runId) ?? []) {
      if (entry.firstStamp > stamp || !isPending(entry)) continue;
      entry.state = { type: "attached", stamp };
      carried[entry.id] = entry.query;
    }
    return carried;
  }

  /** A worker's answer to the task is on its way through the shard. Call what it gives back when that is over, whatever came of it. */
  responding(runId: string, stamp: number): () => void {
    const task = `${runId}/${stamp}`;
    if (!this.#buffered.has(runId)) return () => {};
    this.#responding.add(task);
    return () => {
      this.#responding.delete(task);
      for (const entry of this.#buffered.get(runId) ?? []) entry.notify();
    };
  }

  isResponding(runId: string, stamp: number): boolean {
    return this.#responding.has(`${runId}/${stamp}`);
  }

  /** The task is over: those that it answered are done, the others wait for the next one. */
  settle(runId: string, stamp: number, answers: ReadonlyMap<string, QueryAnswer>): void {
    for (const entry of this.#buffered.get(runId) ?? []) {
      const answer = entry.firstStamp <= stamp && isPending(entry) ? answers.get(entry.id) : undefined;
      if (answer) entry.state = answer;
      else if (isAttachedTo(entry, stamp)) entry.state = { type: "waiting" };
      else continue;
      entry.notify();
    }
  }

  /** Keeps a direct query until it is answered or dropped. */
  ask(direct: DirectQuery, answer: (answer: QueryAnswer) => void): void {
    this.#direct.set(direct.id, { ...direct, answer });
  }

  /** A promise when another node must be asked. */
  asked(id: string): DirectQuery | undefined | Promise<DirectQuery | undefined> {
    return this.askedHere(id);
  }

  askedHere(id: string): DirectQuery | undefined {
    const direct = this.#direct.get(id);
    if (!direct) return undefined;
    const { answer: _, ...asked } = direct;
    return asked;
  }

  drop(id: string): void {
    this.#direct.delete(id);
  }

  /** False when nobody waits for it any more. */
  answer(id: string, answer: QueryAnswer): boolean {
    const asked = this.#direct.get(id);
    if (!asked) return false;
    this.#direct.delete(id);
    asked.answer(answer);
    return true;
  }

  /** How many wait: 0 at the end of a test that leaks none. */
  get size(): number {
    return this.#buffered.size + this.#direct.size + this.#responding.size;
  }
}

function isPending({ state }: Entry): boolean {
  return state.type === "waiting" || state.type === "attached";
}

function isAttachedTo({ state }: Entry, stamp: number): boolean {
  return state.type === "attached" && state.stamp === stamp;
}
