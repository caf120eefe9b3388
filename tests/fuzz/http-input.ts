/**
 * Requests over HTTP, made from the server's own OpenAPI document: plausible ones (names that exist, values as their schemas ask), ones with a value here
 * and there that no schema allows, and bodies, paths and headers that are hardly requests at all.
 */
import type { Document, Operation, Schema } from "../http/schema-check.ts";
import type { Known, NameKind } from "./known.ts";

export interface HttpInput {
  readonly verb: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** The operation that it was made for. */
  readonly operation: Operation;
  /** Answers as events: its reader leaves after the first of them. */
  readonly follows: boolean;
}

/** Names by the field that holds them. */
const nameKinds: Readonly<Record<string, NameKind>> = {
  ...{ namespace: "namespace", workflowId: "workflowId", workflow_id: "workflowId", identity: "identity" },
  ...{ activityId: "activityId", activity_id: "activityId", signalName: "signalName", signal_name: "signalName" },
  ...{ queryType: "typeName", query_type: "typeName", type: "typeName", reason: "reason", cronSchedule: "cron" },
  ...{ query: "query", requestId: "requestId", updateMask: "mask", worker_instance_key: "workerInstanceKey" },
  ...{ taskQueue: "taskQueue", task_queue: "taskQueue" },
};

const hostile: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 31,
    2 ** 53,
    -(2 ** 63),
    1e300,
    "",
    "x".repeat(2_000),
    "\u0000",
    "\ud800",
    "..",
    "%2e%2e",
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "NaN",
    "-0s",
    "99999999999s",
    "0000-00-00T00:00:00Z",
    "AAAA",
    "=",
    "9".repeat(30),
  ],
  ...[
    [],
    {},
    [[]],
    [null],
    JSON.parse('{"__proto__":{"a":1}}'),
    { constructor: 1 },
    { "@type": "x" },
    { metadata: 1 },
    { metadata: { a: "=" } },
  ],
];

const texts = [
  "x",
  "Größe",
  "a/b",
  "<script>",
  "1",
  "default",
  "RUNNING",
  "10s",
  "2030-01-01T00:00:00Z",
  "bm90IGEgdG9rZW4=",
];

/** What most requests need. */
const usual =
  /^(workflowType|activityType|taskQueue|name|workflowId|activityId|task_?[tT]oken|startToCloseTimeout|result|error)$/;

const garbage = [
  "",
  "{",
  "[]",
  "null",
  '"text"',
  '{"a":1}{"b":2}',
  "{\u0000}",
  `${"[".repeat(5_000)}`,
  `{"input":[${"1,".repeat(5_000)}1]}`,
  '{"namespace":"a","namespace":"b"}',
  '{"__proto__":{"polluted":true}}',
  '{"workflowId":1e999999}',
  "result=1&error=2",
];

const headerRows: readonly Readonly<Record<string, string>>[] = [
  ...[{ accept: "application/json+pretty+no-payload-shorthand" }, { accept: "text/html" }, { accept: "image/png" }],
  ...[
    { "content-type": "application/json+no-payload-shorthand" },
    { "content-type": "application/x-www-form-urlencoded" },
  ],
  ...[
    { "content-encoding": "gzip" },
    { "grpc-timeout": "1x" },
    { "grpc-timeout": "0n" },
    { origin: "https://evil.example" },
  ],
  ...[
    { host: "evil.example" },
    { "last-event-id": "x" },
    { "last-event-id": `${"0".repeat(36)}:1` },
    { "x-a": "y".repeat(9_000) },
  ],
];

export class HttpInputs {
  readonly #document: Document;
  readonly #known: Known;
  readonly #random: () => number;
  /** How many of the fields that a request can do without it has. */
  #share = 0.5;
  /** Ids and tokens that the server has given away. */
  readonly #learned: string[] = [];
  readonly #links: string[] = [];

  constructor(document: Document, known: Known, seed: number) {
    this.#document = document;
    this.#known = known;
    this.#random = generator(seed);
  }

  learn(json: unknown): void {
    if (typeof json !== "object" || json === null) return;
    for (const [key, value] of Object.entries(json)) {
      if (key === "url" && typeof value === "string") this.#links.push(value.replace(/^.*\//, ""));
      else if (typeof value === "string" && /runId$|Token$/i.test(key)) this.#learned.push(value);
      else this.learn(value);
    }
    if (this.#learned.length > 64) this.#learned.splice(0, this.#learned.length - 64);
  }

  next(): HttpInput {
    const operation = this.#pick(this.#document.operations);
    const spice = this.#pick([0, 0, 0.03, 0.3]);
    // Each further field is a reason to be refused before any state is met.
    this.#share = this.#pick([0.02, 0.02, 0.1, 0.5]);
    const follows = operation.verb === "GET" && /history$|progress$/.test(operation.template) && this.#random() < 0.2;
    const bytes = operation.body || this.#random() < 0.02 ? this.#body(operation, spice) : undefined;
    const verb = this.#random() < 0.02 ? this.#pick(["PUT", "PATCH", "OPTIONS", "HEAD", "DELETE"]) : operation.verb;
    const headers = {
      "grpc-timeout": "1500m",
      ...(bytes && { "content-length": String(bytes.length) }),
      ...(this.#random() < 0.3 && this.#pick(headerRows)),
      ...(follows && { accept: "text/event-stream" }),
    };
    return { verb, path: this.#path(operation, spice), headers, body: bytes, operation, follows };
  }

  #path(operation: Operation, spice: number): string {
    const filled = operation.template.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
      const text = this.#random() < spice ? textOf(this.#pick(hostile)) : this.#text(name);
      return encodeURIComponent(text.toWellFormed()).replaceAll("'", "%27");
    });
    const query = operation.parameters
      .filter((each) => each.in === "query" && this.#random() < this.#share / 2)
      .map(({ name, schema }) => {
        const value = this.#random() < spice ? this.#pick(hostile) : this.#value(name.split(".").at(-1)!, schema, 0, 4);
        return `${encodeURIComponent(name)}=${encodeURIComponent(textOf(value).toWellFormed())}`;
      });
    const path = query.length > 0 ? `${filled}?${query.join("&")}` : filled;
    return this.#random() < 0.01
      ? this.#pick([`${path}/`, `//${path}`, `${path}%`, `${path}?%`, "/", "*", `/..${path}`])
      : path;
  }

  #body(operation: Operation, spice: number): Buffer {
    if (this.#random() < 0.05) return Buffer.from(this.#pick(garbage));
    if (this.#random() < 0.02) return Buffer.from(Array.from({ length: 40 }, () => Math.floor(this.#random() * 256)));
    return Buffer.from(JSON.stringify(this.#value("", operation.body ?? {}, spice, 0)));
  }

  #value(name: string, schema: Schema, spice: number, depth: number): unknown {
    if (this.#random() < spice) return this.#pick(hostile);
    const { $ref, anyOf, enum: members, type, items, properties, additionalProperties } = schema;
    if (typeof $ref === "string") {
      const target = this.#document.schemas[$ref.replace("#/components/schemas/", "")]!;
      return depth > 6 ? {} : this.#value(name, target, spice, depth);
    }
    if (Array.isArray(anyOf)) return this.#value(name, this.#pick(anyOf as Schema[]), spice, depth);
    if (Array.isArray(members)) return this.#pick(members);
    if (type === "array") {
      const length = Math.floor(this.#random() * 3);
      return Array.from({ length }, () => this.#value(name, (items ?? {}) as Schema, spice, depth + 1));
    }
    if (type === "object") {
      const share = this.#share / (depth + 1);
      const known = Object.entries((properties ?? {}) as Record<string, Schema>).filter(([key]) => {
        return this.#random() < (usual.test(key) ? 0.95 : share);
      });
      const own = known.map(([key, each]) => [key, this.#value(key, each, spice, depth + 1)] as const);
      if (typeof additionalProperties === "object" && this.#random() < 0.5)
        own.push([
          this.#pick(["a", "b", "__proto__"]),
          this.#value("", additionalProperties as Schema, spice, depth + 1),
        ]);
      return Object.fromEntries(own);
    }
    return this.#scalar(name, schema);
  }

  #scalar(name: string, { type, pattern, format, contentEncoding, examples }: Schema): unknown {
    if (type === "boolean") return this.#random() < 0.5;
    if (type === "integer") return Math.floor(this.#random() * 5);
    if (type === "number") return this.#random() * 10;
    if (Array.isArray(examples)) return this.#pick(examples);
    if (format === "date-time") return "2030-01-31T10:00:00.5Z";
    if (typeof pattern === "string" && pattern.includes("\\d"))
      return pattern.includes("s$") ? "3.5s" : String(Math.floor(this.#random() * 9));
    if (contentEncoding === "base64") return this.#token(name);
    return type === "string" ? this.#text(name) : this.#pick([...hostile, ...texts, { a: [1] }]);
  }

  #text(name: string): string {
    const last = name.split(".").at(-1)!;
    if (last === "link") return this.#links.at(-1 - Math.floor(this.#random() * 4)) ?? "x";
    if (/^(run_?id|nextPageToken)$/i.test(last)) return this.#random() < 0.5 ? "" : this.#anyLearned();
    const kind = nameKinds[last];
    return kind && this.#random() < 0.95
      ? this.#known.name(kind, Math.floor(this.#random() * 1_000))
      : this.#pick(texts);
  }

  #token(name: string): string {
    if (!/^task_?token$/i.test(name)) return this.#random() < 0.5 ? this.#anyLearned() : "AAAA";
    const bytes = this.#known.bytes("activityToken", Math.floor(this.#random() * 1_000));
    return Buffer.from(bytes).toString("base64");
  }

  #anyLearned(): string {
    return this.#learned.length > 0 && this.#random() < 0.8 ? this.#pick(this.#learned) : "";
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Mulberry32: small, and the same from the same seed everywhere. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
