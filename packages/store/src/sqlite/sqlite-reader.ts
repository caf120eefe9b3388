/** The reader thread: answers the queries that may take long, one after the other, so that none of them blocks the event loop. */

import { parentPort, workerData } from "node:worker_threads";
import { openReader } from "./sqlite-connection.ts";
import { type ListCalls, SqliteLists } from "./sqlite-lists.ts";

/** Holds the whole index of a list of a million runs, so that walking it again reads no file. Memory is taken as pages are read. */
const cacheKib = 65_536;

export interface ReaderData {
  readonly path: string;
}

/** `arguments` are those of `Store[method]`. */
export type ReaderRequest =
  | { readonly method: keyof ListCalls; readonly arguments: readonly unknown[] }
  | { readonly method: "close" };

export type ReaderReply = { readonly value: unknown } | { readonly error: string };

function answer(lists: SqliteLists, request: ReaderRequest): ReaderReply {
  try {
    if (request.method === "close") return { value: lists.close() };
    const method = lists[request.method] as (...values: readonly unknown[]) => unknown;
    return { value: method.apply(lists, [...request.arguments]) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  const lists = new SqliteLists(openReader((workerData as ReaderData).path, cacheKib));
  port.on("message", (request: ReaderRequest) => {
    port.postMessage(answer(lists, request));
    if (request.method === "close") port.close();
  });
  port.postMessage({ value: null } satisfies ReaderReply);
}

if (parentPort !== null) serve(parentPort);
