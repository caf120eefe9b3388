/** One input: which call, with which bytes in which frame and under which headers. Most frames are as gRPC wants them. */
import { gzipSync } from "node:zlib";
import { type Method, type MethodName, methods } from "@pawl/protocol";
import * as fc from "fast-check";
import { Messages } from "./arbitrary.ts";
import type { Known } from "./known.ts";

export interface Input {
  readonly method: MethodName;
  /** The message alone, before it was framed. */
  readonly message: Buffer;
  readonly frame: Frame;
}

export interface Frame {
  /** What is odd about it; undefined when nothing is. */
  readonly oddity: string | undefined;
  readonly body: (message: Buffer) => Buffer;
  /** Beyond the usual ones; a value of "" leaves the header out. */
  readonly headers: Readonly<Record<string, string>>;
  /** The caller leaves after so long, whether it has been answered or not. */
  readonly leaveMs?: number;
}

const inOrder: Frame = { oddity: undefined, body: (message) => framed(message), headers: {} };
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));

export function framed(message: Uint8Array, { flag = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

const oddBodies: Readonly<Record<string, (message: Buffer) => Buffer>> = {
  "no body": () => Buffer.alloc(0),
  "half a prefix": () => Buffer.from([0, 0, 0]),
  "a longer length": (message) => framed(message, { length: message.length + 9 }),
  "a shorter length": (message) => framed(message, { length: message.length >> 1 }),
  "a length of four gibibytes": (message) => framed(message, { length: 2 ** 32 - 1 }),
  "an unknown flag": (message) => framed(message, { flag: 7 }),
  "the compression flag alone": (message) => framed(message, { flag: 1 }),
  "two messages": (message) => Buffer.concat([framed(message), framed(message)]),
  "bytes after the message": (message) => Buffer.concat([framed(message), Buffer.alloc(40, 0xff)]),
};

const compressedBodies: Readonly<Record<string, (message: Buffer) => Buffer>> = {
  gzip: (message) => framed(gzipSync(message), { flag: 1 }),
  "broken gzip": (message) => framed(gzipSync(message).subarray(0, -9), { flag: 1 }),
  "gzip that is none": (message) => framed(message, { flag: 1 }),
  "a bomb": () => framed(bomb, { flag: 1 }),
};

const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  ...["1", "-1S", "999999999S", "5x", "m", "0m", "1n", "1.5S", "0x1S", "99999999H"].map((value) => ({
    "grpc-timeout": value,
  })),
  ...["application/json", "application/grpc+json", "application/grpc-web", "text/plain", ""].map((value) => ({
    "content-type": value,
  })),
  ...["snappy", "gzip, deflate", "identity", "x".repeat(500)].map((value) => ({ "grpc-encoding": value })),
  ...["/", "//", "/x/y", "/temporal.api.workflowservice.v1.WorkflowService/", "/a%00b/c", `/${"x".repeat(3_000)}`].map(
    (value) => ({ ":path": value }),
  ),
  ...["GET", "PUT", "OPTIONS"].map((value) => ({ ":method": value })),
  { te: "" },
  { "x-large": "y".repeat(12_000) },
  { "x-data-bin": "no base64 !!" },
  { "client-name": "temporal-\u00ff", "client-version": "-1.x.999999999999" },
  { authorization: "Bearer x", "temporal-namespace": "elsewhere" },
];

const frames: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 90, arbitrary: fc.constant(inOrder) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(...Object.entries(oddBodies)).map(([oddity, body]) => ({ oddity, body, headers: {} })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...Object.entries(compressedBodies))
      .map(([oddity, body]) => ({ oddity, body, headers: { "grpc-encoding": "gzip" } })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(...oddHeaders)
      .map((headers) => ({ ...inOrder, oddity: `headers ${JSON.stringify(headers)}`.slice(0, 200), headers })),
  },
  {
    weight: 2,
    arbitrary: fc.nat({ max: 30 }).map((leaveMs) => ({ ...inOrder, oddity: `leaves after ${leaveMs} ms`, leaveMs })),
  },
);

/** How often a call is made, beside 4 for all others: what changes most state most, what waits a while seldom. */
const weights: Partial<Record<MethodName, number>> = {
  RespondWorkflowTaskCompleted: 16,
  PollWorkflowTaskQueue: 3,
  PollActivityTaskQueue: 4,
  PollWorkflowExecutionUpdate: 3,
  StartWorkflowExecution: 12,
  SignalWithStartWorkflowExecution: 8,
  UpdateWorkflowExecution: 6,
  QueryWorkflow: 3,
  RespondActivityTaskFailed: 6,
};

/** Calls of `served`, one after the other. What they hold is chosen when they are drawn, from what is known by then. */
export function inputs(served: readonly MethodName[], known: Known): fc.Arbitrary<Input> {
  const messages = new Messages(known);
  return fc.oneof(
    ...served.map((method) => ({
      weight: weights[method] ?? 4,
      arbitrary: fc
        .tuple(messages.of((methods[method] as Method).request.typeName), frames)
        .map(([message, frame]): Input => ({ method, message, frame })),
    })),
  );
}

/** Enough to send it again: the call, the bytes, and what they say if they say anything. */
export function described({ method, message, frame }: Input): string {
  const hex =
    message.length <= 4_000
      ? message.toString("hex")
      : `${message.toString("hex", 0, 4_000)}… (${message.length} bytes)`;
  return `${method}${frame.oddity === undefined ? "" : ` [${frame.oddity}]`}\n  hex: ${hex}\n  json: ${json(method, message)}`;
}

function json(method: MethodName, message: Buffer): string {
  try {
    const shown = JSON.stringify((methods[method] as Method).request.decode(message), (_, value: unknown) =>
      value instanceof Uint8Array ? `0x${Buffer.from(value).toString("hex")}` : value,
    );
    return shown.slice(0, 4_000);
  } catch (error) {
    return `none: ${error}`;
  }
}
