/** The reader thread: answers the queries that may take long, one after the other, so that none of them blocks the event loop. */

import { parentPort, workerData } from "node:worker_threads";
import { openReader } from "./sqlite-connection.ts";
import { answer, type ListAnswer, type ListRequest, SqliteLists } from "./sqlite-lists.ts";

/** Holds the whole index of a list of a million runs, so that walking it again reads no file. Memory is taken as pages are read. */
const cacheKib = 65_536;

export interface ReaderData {
  readonly path: string;
}

export type ReaderRequest = ListRequest | { readonly method: "close" };

function serve(port: NonNullable<typeof parentPort>): void {
  const lists = new SqliteLists(openReader((workerData as ReaderData).path, cacheKib));
  port.on("message", (request: ReaderRequest) => {
    if (request.method !== "close") return port.postMessage(answer(lists, request));
    lists.close();
    port.postMessage({ value: null } satisfies ListAnswer);
    port.close();
  });
  port.postMessage({ value: null } satisfies ListAnswer);
}

if (parentPort !== null) serve(parentPort);
