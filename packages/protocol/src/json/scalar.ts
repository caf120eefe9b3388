/** Scalars and enums between JSON and the wire. */
import type { Reader, Writer } from "protobufjs/minimal.js";
import { $number, $string } from "../wire.js";
import { enumOf, type FieldKind, type FieldSchema } from "./schema.ts";
import { isRawNumber, JsonProblem, kindOf } from "./text.ts";

type ScalarKind = Exclude<FieldKind, "message">;

/** How a scalar of the kind is framed: 0 varint, 1 eight bytes, 2 with its length, 5 four bytes. */
export function wireTypeOf(kind: FieldKind): 0 | 1 | 2 | 5 {
  if (kind === "string" || kind === "bytes" || kind === "message") return 2;
  if (kind === "double" || kind === "fixed64" || kind === "sfixed64") return 1;
  return kind === "float" || kind === "fixed32" || kind === "sfixed32" ? 5 : 0;
}

const ranges = {
  ...{ int32: [-(2n ** 31n), 2n ** 31n - 1n], sint32: [-(2n ** 31n), 2n ** 31n - 1n] },
  ...{ sfixed32: [-(2n ** 31n), 2n ** 31n - 1n], uint32: [0n, 2n ** 32n - 1n], fixed32: [0n, 2n ** 32n - 1n] },
  ...{ int64: [-(2n ** 63n), 2n ** 63n - 1n], sint64: [-(2n ** 63n), 2n ** 63n - 1n] },
  ...{ sfixed64: [-(2n ** 63n), 2n ** 63n - 1n], uint64: [0n, 2n ** 64n - 1n], fixed64: [0n, 2n ** 64n - 1n] },
} as const satisfies Partial<Record<FieldKind, readonly [bigint, bigint]>>;

/** Throws `JsonProblem`. */
export function writeScalar(field: FieldSchema, value: unknown, writer: Writer, path: string): void {
  const kind = field.kind as ScalarKind;
  switch (kind) {
    case "string":
      if (typeof value !== "string") throw new JsonProblem(path, `a text is expected, not ${kindOf(value)}`);
      writer.string(value.toWellFormed());
      return;
    case "bytes":
      writer.bytes(bytesOf(value, path));
      return;
    case "bool":
      if (typeof value !== "boolean") throw new JsonProblem(path, `true or false is expected, not ${kindOf(value)}`);
      writer.bool(value);
      return;
    case "enum":
      writer.int32(enumNumber(field, value, path));
      return;
    case "float":
    case "double":
      writer[kind](floatOf(value, path));
      return;
    case "int32":
    case "sint32":
    case "sfixed32":
    case "uint32":
    case "fixed32":
      writer[kind](Number(integerOf(kind, value, path)));
      return;
    case "int64":
    case "sint64":
    case "sfixed64":
    case "uint64":
    case "fixed64": {
      const bits = BigInt.asUintN(64, integerOf(kind, value, path));
      const high = Number(bits >> 32n);
      writer[kind]({ low: Number(bits & 0xffff_ffffn), high, unsigned: true } as never);
      return;
    }
  }
  kind satisfies never;
}

/** As JSON has it: 64-bit integers as text, bytes as base64, enums by their full names. */
export function readScalar(field: FieldSchema, reader: Reader): unknown {
  const kind = field.kind as ScalarKind;
  switch (kind) {
    case "string":
      return $string(reader);
    case "bytes":
      return base64Of(reader.bytes());
    case "bool":
      return reader.bool();
    case "enum": {
      const number = reader.int32();
      if (field.typeName === "google.protobuf.NullValue") return null;
      return enumOf(field).byNumber.get(number) ?? number;
    }
    case "float":
      return floatJson(shortFloat(reader.float()));
    case "double":
      return floatJson(reader.double());
    case "int64":
    case "sint64":
    case "sfixed64":
    case "uint64":
    case "fixed64":
      return String(reader[kind]());
    case "int32":
    case "sint32":
    case "sfixed32":
    case "uint32":
    case "fixed32":
      return $number(reader[kind]());
  }
  return kind satisfies never;
}

/** What a scalar is when the wire does not have it. */
export function defaultOf(field: FieldSchema): unknown {
  switch (field.kind) {
    case "string":
    case "bytes":
      return "";
    case "bool":
      return false;
    case "enum":
      return enumOf(field).byNumber.get(0) ?? 0;
    default:
      return field.kind.endsWith("64") ? "0" : 0;
  }
}

export function base64Of(bytes: Uint8Array): string {
  const chunk = 0x8000;
  let text = "";
  for (let at = 0; at < bytes.length; at += chunk) text += String.fromCharCode(...bytes.subarray(at, at + chunk));
  return btoa(text);
}

/** Standard and URL alphabet, with or without padding. Throws `JsonProblem`. */
export function bytesOf(value: unknown, path: string): Uint8Array {
  if (typeof value !== "string") throw new JsonProblem(path, `bytes are written as base64, not as ${kindOf(value)}`);
  const standard = value
    .replaceAll("-", "+")
    .replaceAll("_", "/")
    .replace(/={1,2}$/, "");
  if (!/^[A-Za-z0-9+/]*$/.test(standard) || standard.length % 4 === 1)
    throw new JsonProblem(path, "this is not valid base64");
  return decodedBase64(standard);
}

/** Standard alphabet; not checked. */
export function decodedBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

function enumNumber(field: FieldSchema, value: unknown, path: string): number {
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 2 ** 31) return value;
  // JSON's null is how google.protobuf.NullValue is written.
  if (value === null && field.typeName === "google.protobuf.NullValue") return 0;
  if (typeof value !== "string")
    throw new JsonProblem(path, `the name or number of an enum's member is expected, not ${kindOf(value)}`);
  const { byName, byNumber } = enumOf(field);
  const number = byName.get(value);
  if (number !== undefined) return number;
  const shown = JSON.stringify(value.slice(0, 100));
  throw new JsonProblem(path, `${shown} is none of ${[...byNumber.values()].join(", ")}`);
}

function integerOf(kind: keyof typeof ranges, value: unknown, path: string): bigint {
  const text = isRawNumber(value) ? value.rawJSON : typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") throw new JsonProblem(path, `a whole number is expected, not ${kindOf(value)}`);
  const integer = parseInteger(text);
  if (integer === undefined)
    throw new JsonProblem(path, `a whole number is expected, not ${JSON.stringify(text.slice(0, 100))}`);
  const [min, max] = ranges[kind];
  if (integer < min || integer > max) throw new JsonProblem(path, `${kind} reaches from ${min} to ${max}`);
  return integer;
}

/** JSON may write a whole number as 1.0 or 1e3. */
function parseInteger(text: string): bigint | undefined {
  if (/^-?\d{1,20}$/.test(text)) return BigInt(text);
  if (!/^-?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,2})?$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? BigInt(number) : undefined;
}

function floatOf(value: unknown, path: string): number {
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  const text = isRawNumber(value) ? value.rawJSON : value;
  if (typeof text === "number") return text;
  const isNumber = typeof text === "string" && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text);
  if (!isNumber) throw new JsonProblem(path, `a number is expected, not ${kindOf(value)}`);
  return Number(text);
}

/** As short as a float allows: 0.1 and not 0.10000000149011612. */
function shortFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function floatJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
