/**
 * Messages and enums as their descriptors describe them, for code that works with any message: JSON, documentation. Read when first asked for,
 * because most programs never ask.
 */
import { fileDescriptors } from "../gen/descriptors.js";
import { $Reader } from "../wire.js";

/** By their numbers in google.protobuf.FieldDescriptorProto.Type; there is no 0, and nobody uses groups. */
const kinds = [
  ...(["group", "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string"] as const),
  ...(["group", "message", "bytes", "uint32", "enum", "sfixed32", "sfixed64", "sint32", "sint64"] as const),
];

export type FieldKind = Exclude<(typeof kinds)[number], "group">;

export interface FieldSchema {
  /** As JSON has it: `workflowId`. */
  readonly name: string;
  /** As the API's source has it: `workflow_id`. */
  readonly protoName: string;
  readonly id: number;
  readonly kind: FieldKind;
  /** The full name of its message or enum; "" for a scalar. */
  readonly typeName: string;
  /** A list, or a map if `map` is there. */
  readonly repeated: boolean;
  readonly map: { readonly key: FieldSchema; readonly value: FieldSchema } | undefined;
  /** Only one field of a oneof may be set. */
  readonly oneof: string | undefined;
  readonly deprecated: boolean;
}

export interface MessageSchema {
  readonly name: string;
  /** In the order of their declaration. */
  readonly fields: readonly FieldSchema[];
  readonly byId: ReadonlyMap<number, FieldSchema>;
  /** By both of its names. */
  readonly byName: ReadonlyMap<string, FieldSchema>;
}

export interface EnumSchema {
  readonly name: string;
  /** Full names, such as `WORKFLOW_EXECUTION_STATUS_RUNNING`. */
  readonly byNumber: ReadonlyMap<number, string>;
  /** By full name, without the enum's prefix (`RUNNING`), and in Pascal case (`Running`). */
  readonly byName: ReadonlyMap<string, number>;
}

const messages = new Map<string, MessageSchema>();
const enums = new Map<string, EnumSchema>();
const loaded = new Set<string>();

/** By full name; `undefined` when the API has no such message. */
export function messageSchema(name: string): MessageSchema | undefined {
  loadFileOf(name);
  return messages.get(name);
}

/** The message of a field of kind `message`. */
export function messageOf(field: FieldSchema): MessageSchema {
  const found = messageSchema(field.typeName);
  if (!found) throw new Error(`the descriptors have no message ${field.typeName}`);
  return found;
}

/** The enum of a field of kind `enum`. */
export function enumOf(field: FieldSchema): EnumSchema {
  loadFileOf(field.typeName);
  const found = enums.get(field.typeName);
  if (!found) throw new Error(`the descriptors have no enum ${field.typeName}`);
  return found;
}

let fileOfSymbol: ReadonlyMap<string, (typeof fileDescriptors)[number]> | undefined;

function loadFileOf(symbol: string): void {
  if (messages.has(symbol) || enums.has(symbol)) return;
  fileOfSymbol ??= new Map(fileDescriptors.flatMap((file) => file.symbols.map((name) => [name, file] as const)));
  const file = fileOfSymbol.get(symbol);
  if (!file || loaded.has(file.name)) return;
  loaded.add(file.name);
  const parsed = new Parsed(Uint8Array.from(atob(file.base64), (char) => char.charCodeAt(0)));
  const scope = parsed.text(2);
  for (const each of parsed.all(4)) readMessage(each, scope);
  for (const each of parsed.all(5)) readEnum(each, scope);
}

const decoder = new TextDecoder();

/** A descriptor taken apart: its fields by their numbers, a varint as a number, all else as bytes. */
class Parsed {
  readonly #fields = new Map<number, (number | Uint8Array)[]>();

  constructor(bytes: Uint8Array) {
    const reader = $Reader.create(bytes);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const values = this.#fields.get(tag >>> 3) ?? [];
      this.#fields.set(tag >>> 3, values);
      values.push((tag & 7) === 0 ? reader.int32() : reader.bytes());
    }
  }

  text(id: number): string {
    const value = this.#fields.get(id)?.at(-1);
    return value instanceof Uint8Array ? decoder.decode(value) : "";
  }

  number(id: number): number | undefined {
    const value = this.#fields.get(id)?.at(-1);
    return typeof value === "number" ? value : undefined;
  }

  all(id: number): Parsed[] {
    const values = this.#fields.get(id) ?? [];
    return values.filter((value) => value instanceof Uint8Array).map((value) => new Parsed(value));
  }
}

function readMessage(parsed: Parsed, scope: string): void {
  const name = `${scope}.${parsed.text(1)}`;
  const nested = parsed.all(3);
  const entries = new Map<string, FieldSchema["map"]>();
  for (const each of nested) {
    if (each.all(7)[0]?.number(7) !== 1) readMessage(each, name);
    else {
      const [key, value] = each.all(2).map((field) => fieldOf(field, [], entries));
      entries.set(`${name}.${each.text(1)}`, { key: key!, value: value! });
    }
  }
  for (const each of parsed.all(4)) readEnum(each, name);
  const oneofs = parsed.all(8).map((oneof) => oneof.text(1));
  const fields = parsed.all(2).map((field) => fieldOf(field, oneofs, entries));
  messages.set(name, {
    name,
    fields,
    byId: new Map(fields.map((field) => [field.id, field])),
    byName: new Map(fields.flatMap((field) => [[field.protoName, field] as const, [field.name, field] as const])),
  });
}

function fieldOf(parsed: Parsed, oneofs: readonly string[], entries: ReadonlyMap<string, FieldSchema["map"]>) {
  const typeName = parsed.text(6).slice(1);
  const oneof = parsed.number(9);
  const isOptional = parsed.number(17) === 1;
  return {
    // The source has some of Google's own names as they are declared.
    name: parsed.text(10).replace(/_(.)/g, (_, char: string) => char.toUpperCase()),
    protoName: parsed.text(1),
    id: parsed.number(3) ?? 0,
    kind: kinds[parsed.number(5) ?? 0] as FieldKind,
    typeName,
    repeated: parsed.number(4) === 3,
    map: entries.get(typeName),
    // A field that says "optional" is a oneof of its own, which says no more than that.
    oneof: oneof === undefined || isOptional ? undefined : oneofs[oneof],
    deprecated: parsed.all(8)[0]?.number(3) === 1,
  } satisfies FieldSchema;
}

function readEnum(parsed: Parsed, scope: string): void {
  const shortName = parsed.text(1);
  const name = `${scope}.${shortName}`;
  const prefix = `${shortName.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase()}_`;
  const values = parsed.all(2).map((value) => [value.text(1), value.number(2) ?? 0] as const);
  const byName = new Map<string, number>();
  for (const [full, number] of values) {
    const bare = full.startsWith(prefix) ? full.slice(prefix.length) : full;
    for (const alias of [pascal(bare), bare, full]) byName.set(alias, number);
  }
  // Where two names have one number, the first is the one to show.
  const byNumber = new Map(values.toReversed().map(([full, number]) => [number, full]));
  enums.set(name, { name, byNumber, byName });
}

function pascal(name: string): string {
  return name.toLowerCase().replace(/(?:^|_)(.)/g, (_, char: string) => char.toUpperCase());
}
