/**
 * What nodes say to each other beside calls of the API: values of the engine's own, as V8 writes them. Nodes of neighbouring versions understand each other as
 * long as fields are only added.
 */
import { deserialize, serialize } from "node:v8";
import { Rejection } from "@pawl/engine";
import type { Carried } from "../frontend/workflow/query-registry.ts";
import type { Task } from "../matching/match.ts";
import type { Started } from "../shard/dispatcher.ts";
import { Unavailable } from "../shard/unavailable.ts";

/** Commands and replies hold refusals of other executions: no deeper than this. */
const rejectionDepth = 4;

export function encode(value: unknown): Uint8Array {
  return serialize(marked(value, rejectionDepth));
}

/** Throws when the bytes are none of `encode`. */
export function decode(bytes: Uint8Array): unknown {
  return unmarked(deserialize(bytes), rejectionDepth);
}

/** V8 writes no classes. A `Map` is nothing that a message of the API could hold, so no caller can make one pass for a refusal. */
function marked(value: unknown, depth: number): unknown {
  if (value instanceof Rejection) return new Map([["rejection", [value.code, value.message, value.detail]]]);
  return mapped(value, depth, marked);
}

function unmarked(value: unknown, depth: number): unknown {
  if (!(value instanceof Map)) return mapped(value, depth, unmarked);
  const [code, message, detail] = value.get("rejection");
  return new Rejection(code, message, detail);
}

/** The very object when nothing in it changes. */
function mapped(value: unknown, depth: number, map: (value: unknown, depth: number) => unknown): unknown {
  if (depth === 0 || typeof value !== "object" || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [name, before] of Object.entries(value)) {
    const after = map(before, depth - 1);
    if (after === before) continue;
    copy ??= { ...value };
    copy[name] = after;
  }
  return copy ?? value;
}

/** A workflow task that was started for a poll on loan (`loans.ts`). */
export interface Repayment {
  readonly task: Task;
  readonly started: Started;
  /** The queries that ride on it. */
  readonly carried?: Carried | undefined;
}

/** How a command ended at its shard. */
export type Ended =
  | {
      readonly type: "reply";
      /** Or a `Rejection`. */
      readonly reply: unknown;
      /** The queries that ride on the workflow task that the command has started. */
      readonly carried?: Carried | undefined;
      /** What was started for the poll that came along with the command. */
      readonly repayment?: Repayment | undefined;
    }
  | { readonly type: "unavailable"; readonly reason: Unavailable["reason"]; readonly message: string };

/** Throws what is no `Unavailable`: a bug stays where it is. */
export async function endedOf(submitted: Promise<unknown>): Promise<Ended> {
  try {
    return { type: "reply", reply: await submitted };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { type: "unavailable", reason: error.reason, message: error.message };
  }
}

/** The reply or the `Rejection`; throws `Unavailable`. */
export function replyOf(ended: Ended): unknown {
  switch (ended.type) {
    case "reply":
      return ended.reply;
    case "unavailable":
      throw new Unavailable(ended.reason, ended.message);
    default:
      return ended satisfies never;
  }
}
