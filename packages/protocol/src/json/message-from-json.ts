/**
 * JSON to the bytes of a message, by its descriptor, as proto3 defines it: both spellings of a field's name, enums by name (in full, without prefix, in
 * Pascal case) or number, 64-bit integers as text or number, bytes as base64. A field that the message does not have is refused.
 */
import type { Writer } from "protobufjs/minimal.js";
import { $Writer } from "../wire.js";
import { payloadOf } from "./payload-shorthand.ts";
import { bytesOf, wireTypeOf, writeScalar } from "./scalar.ts";
import { type FieldSchema, type MessageSchema, messageOf, messageSchema } from "./schema.ts";
import { isObject, isRawNumber, JsonProblem, kindOf } from "./text.ts";
import { wellKnown } from "./well-known.ts";

export interface JsonOptions {
  /** Whether a bare value may stand for a payload. Default true. */
  readonly shorthand?: boolean;
}

export interface FromJsonOptions extends JsonOptions {
  /** Shorthand makes many bytes of few. A message that comes to more than so many is refused. Default: no limit. */
  readonly bytesMax?: number;
}

/** `value` is what `parseJson` gives. Throws `JsonProblem`, which names the field. */
export function messageFromJson(typeName: string, value: unknown, options: FromJsonOptions = {}): Uint8Array {
  const schema = messageSchema(typeName);
  if (!schema) throw new Error(`the descriptors have no message ${typeName}`);
  const writer = $Writer.create();
  new MessageWriter(writer, options).message(schema, value, "", 0);
  return writer.finish();
}

/** As deep as the codecs read. */
const depthMax = 100;

class MessageWriter {
  readonly #writer: Writer;
  readonly #shorthand: boolean;
  readonly #bytesMax: number;
  /** Written so far, tags and payloads alone: of all else, JSON has at least as many characters as the message has bytes. */
  #bytes = 0;

  constructor(writer: Writer, { shorthand = true, bytesMax = Number.POSITIVE_INFINITY }: FromJsonOptions) {
    this.#writer = writer;
    this.#shorthand = shorthand;
    this.#bytesMax = bytesMax;
  }

  /** Writes the fields of the message, without tag and length. */
  message(schema: MessageSchema, value: unknown, path: string, depth: number): void {
    if (depth > depthMax) throw new JsonProblem(path, `messages nest deeper than ${depthMax} levels`);
    if (this.#special(schema, value, path, depth)) return;
    if (!isObject(value)) throw new JsonProblem(path, `an object is expected, not ${kindOf(value)}`);
    const seen = new Map<string, string>();
    for (const [key, each] of Object.entries(value)) {
      const field = schema.byName.get(key);
      const at = path === "" ? key : `${path}.${key}`;
      if (!field) throw new JsonProblem(at, `${schema.name} has no such field`);
      if (each === null && field.typeName !== "google.protobuf.Value") continue;
      // Two spellings of one field, or two fields of which only one may be set.
      const slot = field.oneof ?? field.name;
      const earlier = seen.get(slot);
      if (earlier !== undefined) throw new JsonProblem(at, `it cannot be set together with ${earlier}`);
      seen.set(slot, key);
      this.#field(field, each, at, depth);
    }
  }

  /** What JSON writes in a way of its own. */
  #special(schema: MessageSchema, value: unknown, path: string, depth: number): boolean {
    const known = wellKnown[schema.name];
    if (known) known.write(value, this.#writer, path);
    else if (schema.name === "google.protobuf.Any") this.#any(value, path, depth);
    else if (schema.name === "google.protobuf.Struct") this.#fieldAs(schema, "fields", value, path, depth);
    else if (schema.name === "google.protobuf.ListValue") this.#fieldAs(schema, "values", value, path, depth);
    else if (schema.name === "google.protobuf.Value") this.#fieldAs(schema, valueMember(value), value, path, depth);
    else if (isWrapper(schema)) this.#fieldAs(schema, "value", value, path, depth);
    else if (this.#shorthand && schema.name === payloadsName && Array.isArray(value))
      this.#fieldAs(schema, "payloads", value, path, depth);
    else return false;
    return true;
  }

  #fieldAs(schema: MessageSchema, field: string, value: unknown, path: string, depth: number): void {
    this.#field(schema.byName.get(field)!, value, path, depth);
  }

  #isPayload(field: FieldSchema): boolean {
    return this.#shorthand && field.typeName === payloadName;
  }

  #field(field: FieldSchema, value: unknown, path: string, depth: number): void {
    if (field.map) return this.#map(field, field.map, value, path, depth);
    if (!field.repeated) return this.#one(field, value, path, depth);
    if (!Array.isArray(value)) throw new JsonProblem(path, `a list is expected, not ${kindOf(value)}`);
    for (const [index, each] of value.entries()) this.#one(field, each, `${path}[${index}]`, depth);
  }

  #one(field: FieldSchema, value: unknown, path: string, depth: number): void {
    this.#grow(0, path);
    this.#writer.uint32((field.id << 3) | wireTypeOf(field.kind));
    if (field.kind !== "message") writeScalar(field, value, this.#writer, path);
    else if (this.#isPayload(field)) {
      const payload = payloadOf(value);
      this.#grow(payload.length, path);
      this.#writer.bytes(payload);
    } else {
      this.#writer.fork();
      this.message(messageOf(field), value, path, depth + 1);
      this.#writer.ldelim();
    }
  }

  #grow(bytes: number, path: string): void {
    this.#bytes += bytes + tagBytes;
    if (this.#bytes > this.#bytesMax)
      throw new JsonProblem(path, `the message comes to more than ${this.#bytesMax} bytes`);
  }

  #map(
    field: FieldSchema,
    { key, value }: NonNullable<FieldSchema["map"]>,
    json: unknown,
    path: string,
    depth: number,
  ) {
    if (!isObject(json)) throw new JsonProblem(path, `an object is expected, not ${kindOf(json)}`);
    for (const [name, each] of Object.entries(json)) {
      this.#writer.uint32((field.id << 3) | 2).fork();
      const at = `${path}[${JSON.stringify(name)}]`;
      this.#one(key, keyOf(key, name), at, depth);
      this.#one(value, each, at, depth);
      this.#writer.ldelim();
    }
  }

  /** `{"@type": "…/full.Name", …}` with the fields of a message that is known here, or its bytes as `value`. */
  #any(json: unknown, path: string, depth: number): void {
    if (!isObject(json)) throw new JsonProblem(path, `an object is expected, not ${kindOf(json)}`);
    const { "@type": typeUrl, ...rest } = json;
    if (Object.keys(json).length === 0) return;
    if (typeof typeUrl !== "string")
      throw new JsonProblem(path, 'a member "@type" with the name of its message is expected');
    const schema = messageSchema(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
    this.#writer.uint32((1 << 3) | 2).string(typeUrl);
    this.#writer.uint32((2 << 3) | 2);
    if (!schema) {
      this.#writer.bytes(bytesOf(rest["value"] ?? "", `${path}.value`));
      return;
    }
    this.#writer.fork();
    const isSpecial = schema.name in wellKnown || isWrapper(schema) || schema.name.startsWith("google.protobuf.");
    this.message(schema, isSpecial && "value" in rest ? rest["value"] : rest, path, depth + 1);
    this.#writer.ldelim();
  }
}

const tagBytes = 4;
const payloadName = "temporal.api.common.v1.Payload";
const payloadsName = "temporal.api.common.v1.Payloads";

/** google.protobuf.BoolValue and its like: a message that JSON writes as its one value. */
export function isWrapper({ name }: MessageSchema): boolean {
  return /^google\.protobuf\.(Bool|Bytes|Double|Float|U?Int(32|64)|String)Value$/.test(name);
}

function valueMember(value: unknown): string {
  if (value === null) return "nullValue";
  if (typeof value === "boolean") return "boolValue";
  if (typeof value === "string") return "stringValue";
  if (typeof value === "number" || isRawNumber(value)) return "numberValue";
  return Array.isArray(value) ? "listValue" : "structValue";
}

/** JSON writes every key as text. */
function keyOf(field: FieldSchema, name: string): unknown {
  return field.kind === "bool" ? (name === "true" ? true : name === "false" ? false : name) : name;
}
