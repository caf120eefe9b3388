/**
 * Writes packages/protocol/src/gen: one module per package of the Temporal API, from the descriptors that `@temporalio/proto` carries.
 *
 * Why our own emitter, when protobufjs-cli has one: its static module of this API is 11.7 MB of classes with no flat types and decodes history
 * that we only pass on. Here a message is a plain object and a typed interface, the wire work stays with protobufjs' Reader and Writer, and
 * the fields of `keptEncoded` stay bytes: on the wire a message and a byte string look the same, so stored history is spliced, never decoded.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { withReflection, writeDescriptors } from "./generate-descriptors.ts";

const require = createRequire(import.meta.url);
const descriptors = require("@temporalio/proto/protos/root.js");

interface Field {
  type: string;
  id: number;
  rule?: "repeated";
  keyType?: string;
  options?: Record<string, unknown>;
}
interface Node {
  nested?: Record<string, Node>;
  fields?: Record<string, Field>;
  oneofs?: Record<string, { oneof: string[] }>;
  values?: Record<string, number>;
  methods?: Record<string, { requestType: string; responseType: string; parsedOptions?: Record<string, unknown>[] }>;
}

/** Fields that hold stored history: declared as messages, kept as encoded bytes. */
const keptEncoded = new Set([
  "temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryResponse.history",
  "temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryReverseResponse.history",
  "temporal.api.workflowservice.v1.PollWorkflowTaskQueueResponse.history",
]);
const wanted = ["temporal.api", "google.protobuf", "google.rpc", "grpc.health", "grpc.reflection.v1"];
const unwanted = ["temporal.api.cloud", "temporal.api.protometa", "google.protobuf.compiler"];
/** google.protobuf is a large package of which the API uses these. */
const googleMessages = new Set([
  "Duration",
  "Timestamp",
  "Any",
  "Empty",
  "FieldMask",
  "BoolValue",
  "DoubleValue",
  "FloatValue",
  "Int32Value",
  "Int64Value",
  "StringValue",
  "BytesValue",
  "Struct",
  "Value",
  "ListValue",
  "NullValue",
]);

interface Message {
  fullName: string;
  name: string;
  module: string;
  node: Node;
}
const messages = new Map<string, Message>();
const enums = new Map<string, Message>();
const services: { fullName: string; node: Node }[] = [];

function moduleOf(packageName: string): string {
  return packageName
    .replace(/^temporal\.api\./, "")
    .replace(/\.v1$/, "")
    .replace(/^google\./, "google-")
    .replace(/^grpc\./, "")
    .replaceAll(".", "-");
}

function walk(node: Node, path: string[], packageName: string, typeName: string): void {
  for (const [key, child] of Object.entries(node.nested ?? {})) {
    const fullName = [...path, key].join(".");
    if (unwanted.some((prefix) => fullName === prefix || fullName.startsWith(`${prefix}.`))) continue;
    const name = typeName === "" ? key : `${typeName}_${key}`;
    const isType = child.fields !== undefined || child.values !== undefined;
    if (isType && !wanted.some((prefix) => fullName.startsWith(`${prefix}.`))) continue;
    if (isType && packageName === "google.protobuf" && typeName === "" && !googleMessages.has(key)) continue;
    if (child.values) enums.set(fullName, { fullName, name, module: moduleOf(packageName), node: child });
    if (child.fields) {
      messages.set(fullName, { fullName, name, module: moduleOf(packageName), node: child });
      walk(child, [...path, key], packageName, name);
    } else if (child.methods) {
      if (wanted.some((prefix) => fullName.startsWith(`${prefix}.`))) services.push({ fullName, node: child });
    } else if (!child.values) walk(child, [...path, key], fullName, "");
  }
}
walk(withReflection(descriptors.toJSON()), [], "", "");

function resolve(type: string, scope: string): Message | undefined {
  const parts = scope.split(".");
  for (let end = parts.length; end >= 0; end--) {
    const candidate = [...parts.slice(0, end), type].join(".");
    const found = messages.get(candidate) ?? enums.get(candidate);
    if (found) return found;
  }
  return undefined;
}

const varints = new Set(["int32", "uint32", "sint32", "int64", "uint64", "sint64", "bool"]);
const fixed64 = new Set(["double", "fixed64", "sfixed64"]);
const fixed32 = new Set(["float", "fixed32", "sfixed32"]);
const longs = new Set(["int64", "uint64", "sint64", "fixed64", "sfixed64"]);

function wireType(type: string): number {
  if (varints.has(type)) return 0;
  if (fixed64.has(type)) return 1;
  if (fixed32.has(type)) return 5;
  return 2;
}

/** Everything the emitter needs to know of a field, resolved once. */
interface Shape {
  field: string;
  id: number;
  kind: "scalar" | "enum" | "message";
  scalar: string;
  target?: Message;
  repeated: boolean;
  keyType?: string;
  oneof: boolean;
}

function shapesOf(message: Message): Shape[] {
  const inOneof = new Set(Object.values(message.node.oneofs ?? {}).flatMap(({ oneof }) => oneof));
  return Object.entries(message.node.fields ?? {}).map(([field, { type, id, rule, keyType }]) => {
    const kept = keptEncoded.has(`${message.fullName}.${field}`);
    const target = kept ? undefined : resolve(type, message.fullName);
    const kind = target === undefined ? "scalar" : target.node.values ? "enum" : "message";
    const scalar = target ? "int32" : kept ? "bytes" : type;
    if (
      kind === "scalar" &&
      !varints.has(scalar) &&
      !fixed32.has(scalar) &&
      !fixed64.has(scalar) &&
      !["string", "bytes"].includes(scalar)
    )
      throw new Error(`${message.fullName}.${field}: unknown type ${type}`);
    return {
      field,
      id,
      kind,
      scalar,
      repeated: rule === "repeated",
      // Kept encoded, it is still a message: an empty one that is there differs from none.
      oneof: inOneof.has(field) || kept,
      ...(target && { target }),
      ...(keyType !== undefined && { keyType }),
    };
  });
}

class ModuleWriter {
  readonly name: string;
  readonly js: string[] = [];
  readonly dts: string[] = [];
  readonly imports = new Set<string>();
  constructor(name: string) {
    this.name = name;
  }

  ref(target: Message): string {
    if (target.module === this.name) return target.name;
    this.imports.add(target.module);
    return `$${target.module.replaceAll("-", "_")}.${target.name}`;
  }
  tsType(shape: Shape): string {
    const one = shape.target
      ? this.ref(shape.target)
      : shape.scalar === "string"
        ? "string"
        : shape.scalar === "bytes"
          ? "Uint8Array"
          : shape.scalar === "bool"
            ? "boolean"
            : "number";
    if (shape.keyType) return `Record<string, ${one}>`;
    return shape.repeated ? `${one}[]` : one;
  }
}

function defaultOf(shape: Shape): string {
  if (shape.keyType) return "Object.create(null)";
  if (shape.repeated) return "[]";
  if (shape.oneof || shape.kind === "message") return "undefined";
  if (shape.kind === "enum") return "0";
  return shape.scalar === "string"
    ? '""'
    : shape.scalar === "bytes"
      ? "$empty"
      : shape.scalar === "bool"
        ? "false"
        : "0";
}

function readScalar(scalar: string): string {
  if (scalar === "string") return "$string(r)";
  if (longs.has(scalar)) return `$number(r.${scalar}())`;
  return `r.${scalar}()`;
}

/** The oneofs of a message that are a choice: those of one member only say whether it is there. */
function choicesOf({ node }: Message): string[][] {
  return Object.values(node.oneofs ?? {})
    .map(({ oneof }) => oneof)
    .filter(({ length }) => length > 1);
}

/** From this many members on, to look at the fields that a message has is cheaper than to look for each that it could have. */
const largeChoice = 8;

/** The statements that write a message's fields in the order of their numbers. */
function writeStatements(out: ModuleWriter, message: Message, inOrder: readonly Shape[]): string[] {
  const statement = (shape: Shape) => writeStatement(out, shape);
  let statements = inOrder.map(statement);
  for (const group of choicesOf(message)) {
    const members = inOrder.filter(({ field }) => group.includes(field));
    const first = inOrder.indexOf(members[0]!);
    // Not where other fields come between them: the order of what is written is to be that of the numbers.
    if (members.length < largeChoice || inOrder.indexOf(members.at(-1)!) !== first + members.length - 1) continue;
    const cases = members.map((shape) => `case "${shape.field}": ${statement(shape)} break;`);
    statements = statements.with(first, ["for (const k in m) switch (k) {", ...cases, "}"].join("\n"));
    for (const at of members.keys()) if (at > 0) statements[first + at] = "";
  }
  return statements.filter((text) => text !== "");
}

function emitMessage(out: ModuleWriter, message: Message): void {
  const shapes = shapesOf(message);
  const name = message.name;
  out.dts.push(`/** \`${message.fullName}\` */`, `export interface ${name} {`);
  for (const shape of shapes) {
    const optional = defaultOf(shape) === "undefined";
    out.dts.push(`  ${shape.field}${optional ? "?" : ""}: ${out.tsType(shape)}${optional ? " | undefined" : ""};`);
  }
  out.dts.push("}", `export declare const ${name}: Codec<${name}>;`, "");

  const defaults = shapes.filter((s) => !s.oneof).map((s) => `${s.field}: ${defaultOf(s)},`);
  const inOrder = [...shapes].sort((a, b) => a.id - b.id);
  out.js.push(
    `export const ${name} = {`,
    `typeName: ${JSON.stringify(message.fullName)},`,
    `create(i) { return {`,
    ...defaults,
    "...i }; },",
    "write(m, w) {",
    ...writeStatements(out, message, inOrder),
    "return w; },",
    "encode(m) { return this.write(m, $Writer.create()).finish(); },",
    "decode(b, depth = 0) { const r = $Reader.create(b); return this.read(r, r.len, depth); },",
    "read(r, end, depth) {",
    "if (depth > 100) throw new RangeError('message nested too deeply');",
    `const m = {`,
    ...defaults,
    "};",
    // Which member of each choice is set.
    ...choicesOf(message).map((_, at) => `let o${at};`),
    "while (r.pos < end) { const t = r.uint32(); switch (t >>> 3) {",
    ...shapes.flatMap((shape) => readCase(out, message, shape)),
    "} r.skipType(t & 7); } if (r.pos !== end) throw new RangeError('message is truncated'); return m; },",
    "};",
  );
}

/** The statement that writes one field of `m` to `w`, or nothing when the field has its default. */
function writeStatement(out: ModuleWriter, shape: Shape): string {
  const v = `m.${shape.field}`;
  const isMessage = shape.kind === "message";
  const tag = (wire: number) => (shape.id << 3) | wire;
  const put = (value: string) =>
    isMessage
      ? `${out.ref(shape.target!)}.write(${value}, w.uint32(${tag(2)}).fork()).ldelim();`
      : `w.uint32(${tag(wireType(shape.scalar))}).${shape.scalar}(${value});`;
  if (shape.keyType) {
    const key = shape.keyType === "string" ? "k" : shape.keyType === "bool" ? 'k === "true"' : "Number(k)";
    const putKey = `w.uint32(${tag(2)}).fork().uint32(${(1 << 3) | wireType(shape.keyType)}).${shape.keyType}(${key});`;
    const putValue = isMessage
      ? `${out.ref(shape.target!)}.write(${v}[k], w.uint32(18).fork()).ldelim().ldelim();`
      : `w.uint32(${(2 << 3) | wireType(shape.scalar)}).${shape.scalar}(${v}[k]).ldelim();`;
    return `if (${v}) for (const k of Object.keys(${v})) { ${putKey} ${putValue} }`;
  }
  if (shape.repeated && !isMessage && wireType(shape.scalar) !== 2)
    return `if (${v}?.length) { w.uint32(${tag(2)}).fork(); for (const e of ${v}) w.${shape.scalar}(e); w.ldelim(); }`;
  if (shape.repeated) return `if (${v}) for (const e of ${v}) ${put("e")}`;
  if (shape.oneof || isMessage) return `if (${v} !== undefined && ${v} !== null) ${put(v)}`;
  return `if (${v}${shape.scalar === "bytes" ? "?.length" : ""}) ${put(v)}`;
}

/** The `case` that reads one field from `r` into `m`; a field of the wrong wire type falls out of it and is skipped. */
function readCase(out: ModuleWriter, message: Message, shape: Shape): string[] {
  const isMessage = shape.kind === "message";
  const read = isMessage ? `${out.ref(shape.target!)}.read(r, $end(r), depth + 1)` : readScalar(shape.scalar);
  const wire = shape.keyType || isMessage ? 2 : wireType(shape.scalar);
  const head = `case ${shape.id}:`;
  if (shape.keyType) {
    const scalarDefault = defaultOf({ ...shape, repeated: false, oneof: false, keyType: undefined as never });
    const init = isMessage ? `${out.ref(shape.target!)}.create()` : scalarDefault;
    return [
      head,
      `if ((t & 7) === 2) { const e = $end(r); let k = ${shape.keyType === "string" ? '""' : "0"}, v = ${init};`,
      `while (r.pos < e) { const u = r.uint32(); switch (u >>> 3) { case 1: k = ${readScalar(shape.keyType)}; break; case 2: v = ${read}; break; default: r.skipType(u & 7); } }`,
      `m.${shape.field}[k] = v; continue; } break;`,
    ];
  }
  const pushOne = `if ((t & 7) === ${wire}) { m.${shape.field}.push(${read}); continue; } break;`;
  if (shape.repeated && wire === 2) return [head, pushOne];
  if (shape.repeated) {
    const pushPacked = `if ((t & 7) === 2) { const e = $end(r); while (r.pos < e) m.${shape.field}.push(${read}); continue; }`;
    return [head, pushPacked, pushOne];
  }
  // A oneof holds the last member on the wire.
  const choice = choicesOf(message).findIndex((members) => members.includes(shape.field));
  const name = JSON.stringify(shape.field);
  const o = `o${choice}`;
  const only =
    choice < 0 ? "" : `if (${o} !== ${name}) { if (${o} !== undefined) m[${o}] = undefined; ${o} = ${name}; }`;
  return [head, `if ((t & 7) === ${wire}) { m.${shape.field} = ${read}; ${only} continue; } break;`];
}

/** WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE → ALLOW_DUPLICATE */
function emitEnum(out: ModuleWriter, { name, fullName, node }: Message): void {
  const prefix = `${name
    .split("_")
    .at(-1)!
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toUpperCase()}_`;
  const entries = Object.entries(node.values!).map(([key, value]) => {
    const short = key.startsWith(prefix) ? key.slice(prefix.length) : key;
    return [/^[0-9]/.test(short) ? key : short, value] as const;
  });
  out.js.push(`export const ${name} = {${entries.map(([k, v]) => `${k}: ${v}`).join(", ")}};`);
  out.dts.push(
    `/** \`${fullName}\` */`,
    `export declare const ${name}: {`,
    ...entries.map(([k, v]) => `  readonly ${k}: ${v};`),
    "};",
    `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
    "",
  );
}

const modules = new Map<string, ModuleWriter>();
const moduleFor = (name: string) => {
  const found = modules.get(name) ?? new ModuleWriter(name);
  modules.set(name, found);
  return found;
};
for (const item of enums.values()) emitEnum(moduleFor(item.module), item);
for (const item of messages.values()) emitMessage(moduleFor(item.module), item);

const folder = new URL("../packages/protocol/src/gen/", import.meta.url);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const write = (file: string, lines: string[]) => writeFileSync(new URL(file, folder), `${lines.join("\n")}\n`);
for (const out of modules.values()) {
  const imports = [...out.imports].sort().map((m) => `import * as $${m.replaceAll("-", "_")} from "./${m}.js";`);
  write(`${out.name}.js`, [
    'import { $Reader, $Writer, $empty, $string, $number, $end } from "../wire.js";',
    ...imports,
    ...out.js,
  ]);
  write(`${out.name}.d.ts`, ['import type { Codec } from "../wire.js";', ...imports, "", ...out.dts]);
}

/** The method table: name, service, codecs and the HTTP bindings that the API declares. */
function httpBindings(options: Record<string, unknown>[] | undefined): unknown[] {
  const all: unknown[] = [];
  for (const option of options ?? []) {
    const http = option["(google.api.http)"] as Record<string, unknown> | undefined;
    if (!http) continue;
    const { additional_bindings: more, ...first } = http;
    for (const rule of [first, ...(Array.isArray(more) ? more : more ? [more] : [])] as Record<string, string>[]) {
      const verb = ["get", "post", "put", "delete", "patch"].find((v) => rule[v] !== undefined);
      if (verb)
        all.push({
          verb: verb.toUpperCase(),
          path: rule[verb],
          ...(rule["body"] !== undefined && { body: rule["body"] }),
        });
    }
  }
  return all;
}
const used = new Set<string>();
const rows: string[] = [];
const types: string[] = [];
for (const { fullName, node } of services) {
  if (!/^temporal\.api\.(workflowservice|operatorservice)\./.test(fullName)) continue;
  const scope = fullName.split(".").slice(0, -1).join(".");
  for (const [method, { requestType, responseType, parsedOptions }] of Object.entries(node.methods!)) {
    const [request, response] = [resolve(requestType, scope)!, resolve(responseType, scope)!];
    used.add(request.module).add(response.module);
    rows.push(
      `${method}: { service: ${JSON.stringify(fullName)}, name: "${method}", path: "/${fullName}/${method}", request: $${request.module}.${request.name}, response: $${response.module}.${response.name}, http: ${JSON.stringify(httpBindings(parsedOptions))} },`,
    );
    types.push(`  ${method}: Method<$${request.module}.${request.name}, $${response.module}.${response.name}>;`);
  }
}
const serviceImports = [...used].map((m) => `import * as $${m} from "./${m}.js";`);
write("methods.js", [...serviceImports, "export const methods = {", ...rows, "};"]);
write("methods.d.ts", [
  'import type { Method } from "../service.ts";',
  ...serviceImports,
  "export declare const methods: {",
  ...types,
  "};",
]);
const camel = (name: string) => name.replace(/-(.)/g, (_, c: string) => c.toUpperCase());
const index = [...modules.keys()].sort().map((m) => `export * as ${camel(m)} from "./${m}.js";`);
write("index.js", index);
write("index.d.ts", index);
writeDescriptors(folder);
console.log(`protocol: ${messages.size} messages, ${enums.size} enums, ${rows.length} methods`);
