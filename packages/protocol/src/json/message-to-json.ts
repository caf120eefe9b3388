/**
 * The bytes of a message to JSON, by its descriptor, as proto3 defines it: fields in the order of their declaration and only those that are set, enums by
 * their full names, 64-bit integers as text, bytes as base64, times as text.
 */
import type { Reader } from "protobufjs/minimal.js";
import { common } from "../gen/index.js";
import { $end, $Reader, $string } from "../wire.js";
import { isWrapper, type JsonOptions } from "./message-from-json.ts";
import { payloadJson, payloadsJson } from "./payload-shorthand.ts";
import { decodedBase64, defaultOf, readScalar, wireTypeOf } from "./scalar.ts";
import { type FieldSchema, type MessageSchema, messageOf, messageSchema } from "./schema.ts";
import { wellKnown } from "./well-known.ts";

type Json = unknown;

/** What `JSON.stringify` turns into the message's JSON. Throws `RangeError` for bytes that are no such message. */
export function messageToJson(typeName: string, bytes: Uint8Array, { shorthand = true }: JsonOptions = {}): Json {
  const schema = messageSchema(typeName);
  if (!schema) throw new Error(`the descriptors have no message ${typeName}`);
  const reader = $Reader.create(bytes);
  return new MessageReader(reader, shorthand).message(schema, reader.len, 0);
}

const depthMax = 200;

class MessageReader {
  readonly #reader: Reader;
  readonly #shorthand: boolean;

  constructor(reader: Reader, shorthand: boolean) {
    this.#reader = reader;
    this.#shorthand = shorthand;
  }

  message(schema: MessageSchema, end: number, depth: number): Json {
    if (depth > depthMax) throw new RangeError("message nested too deeply");
    const start = this.#reader.pos;
    const known = wellKnown[schema.name];
    if (known) {
      const text = known.read(this.#reader, end);
      if (text !== undefined) return text;
      this.#reader.pos = start;
    }
    if (this.#shorthand && schema.name === "temporal.api.common.v1.Payload")
      return payloadJson(common.Payload.read(this.#reader, end, depth));
    if (this.#shorthand && schema.name === "temporal.api.common.v1.Payloads")
      return payloadsJson(common.Payloads.read(this.#reader, end, depth));
    const fields = this.#fields(schema, end, depth);
    return this.#special(schema, fields, depth) ?? inOrder(schema, fields);
  }

  /** What JSON writes in a way of its own. */
  #special(schema: MessageSchema, fields: Map<FieldSchema, Json>, depth: number): Json {
    const member = (name: string) => fields.get(schema.byName.get(name)!);
    if (isWrapper(schema)) return member("value") ?? defaultOf(schema.fields[0]!);
    if (schema.name === "google.protobuf.Struct") return member("fields") ?? {};
    if (schema.name === "google.protobuf.ListValue") return member("values") ?? [];
    if (schema.name === "google.protobuf.Any")
      return this.#any(String(member("typeUrl") ?? ""), member("value"), depth);
    return undefined;
  }

  #fields(schema: MessageSchema, end: number, depth: number): Map<FieldSchema, Json> {
    const reader = this.#reader;
    const fields = new Map<FieldSchema, Json>();
    while (reader.pos < end) {
      const tag = reader.uint32();
      const field = schema.byId.get(tag >>> 3);
      if (!field || !this.#take(field, tag & 7, fields, depth)) reader.skipType(tag & 7);
    }
    if (reader.pos !== end) throw new RangeError("message is truncated");
    for (const [field, value] of fields) if (value instanceof Map) fields.set(field, mapJson(value));
    return fields;
  }

  /** False for a field of another wire type than it should have. */
  #take(field: FieldSchema, wireType: number, fields: Map<FieldSchema, Json>, depth: number): boolean {
    if (field.map) {
      if (wireType !== 2) return false;
      const entries = (fields.get(field) as Map<string, Json>) ?? new Map<string, Json>();
      fields.set(field, entries);
      this.#entry(field.map, $end(this.#reader), entries, depth);
      return true;
    }
    if (field.repeated) return this.#takeElements(field, wireType, fields, depth);
    if (wireType !== wireTypeOf(field.kind)) return false;
    if (field.oneof) for (const other of fields.keys()) if (other.oneof === field.oneof) fields.delete(other);
    fields.set(field, this.#one(field, depth));
    return true;
  }

  /** One element, or many that are packed into one field. */
  #takeElements(field: FieldSchema, wireType: number, fields: Map<FieldSchema, Json>, depth: number): boolean {
    const reader = this.#reader;
    const own = wireTypeOf(field.kind);
    const isPacked = wireType === 2 && own !== 2;
    if (wireType !== own && !isPacked) return false;
    const list = (fields.get(field) as Json[]) ?? [];
    fields.set(field, list);
    if (!isPacked) list.push(this.#one(field, depth));
    else for (const end = $end(reader); reader.pos < end; ) list.push(readScalar(field, reader));
    return true;
  }

  #one(field: FieldSchema, depth: number): Json {
    if (field.kind !== "message") return readScalar(field, this.#reader);
    const end = $end(this.#reader);
    const schema = messageOf(field);
    if (schema.name !== "google.protobuf.Value") return this.message(schema, end, depth + 1);
    // Its one member is the value; none, or an unknown one, is null.
    const [value = null] = this.#fields(schema, end, depth + 1).values();
    return value;
  }

  #entry(
    { key, value }: NonNullable<FieldSchema["map"]>,
    end: number,
    entries: Map<string, Json>,
    depth: number,
  ): void {
    const reader = this.#reader;
    let name = key.kind === "string" ? "" : String(defaultOf(key));
    let found: { readonly value: Json } | undefined;
    while (reader.pos < end) {
      const tag = reader.uint32();
      if (tag >>> 3 === 1) name = String(key.kind === "string" ? $string(reader) : readScalar(key, reader));
      else if (tag >>> 3 === 2 && (tag & 7) === wireTypeOf(value.kind)) found = { value: this.#one(value, depth) };
      else reader.skipType(tag & 7);
    }
    entries.set(name, found ? found.value : value.kind === "message" ? this.#empty(value, depth) : defaultOf(value));
  }

  #empty(field: FieldSchema, depth: number): Json {
    const reader = $Reader.create(new Uint8Array());
    return new MessageReader(reader, this.#shorthand).message(messageOf(field), 0, depth + 1);
  }

  #any(typeUrl: string, base64: Json, depth: number): Json {
    if (typeUrl === "") return {};
    const schema = messageSchema(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
    const value = typeof base64 === "string" ? base64 : "";
    if (!schema) return { "@type": typeUrl, ...(value !== "" && { value }) };
    const reader = $Reader.create(decodedBase64(value));
    const json = new MessageReader(reader, this.#shorthand).message(schema, reader.len, depth + 1);
    const isPlain = typeof json === "object" && json !== null && !schema.name.startsWith("google.protobuf.");
    return isPlain ? { "@type": typeUrl, ...json } : { "@type": typeUrl, value: json };
  }
}

/** Only what is set: a scalar that has its default and is no member of a oneof is not on the wire of a well-behaved writer. */
function inOrder(schema: MessageSchema, fields: ReadonlyMap<FieldSchema, Json>): Json {
  const members = schema.fields.flatMap((field) => {
    const value = fields.get(field);
    if (value === undefined) return [];
    return [[field.name, value] as const];
  });
  return Object.fromEntries(members);
}

/** Sorted, so that equal messages have equal JSON. */
function mapJson(entries: ReadonlyMap<string, Json>): Json {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
