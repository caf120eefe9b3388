/** Messages of google.protobuf that JSON writes in a way of its own, by their full names. */
import type { Reader, Writer } from "protobufjs/minimal.js";
import { $number, $string } from "../wire.js";
import { JsonProblem, kindOf } from "./text.ts";
import type { SecondsAndNanos } from "./time-text.ts";
import { durationText, parseDuration, parseTimestamp, timestampText } from "./time-text.ts";

interface WellKnown {
  /** Writes the fields of the message. Throws `JsonProblem`. */
  write(value: unknown, writer: Writer, path: string): void;
  /** `undefined` for a value that JSON cannot write: then its fields are shown. */
  read(reader: Reader, end: number): unknown;
}

export const wellKnown: Readonly<Record<string, WellKnown>> = {
  "google.protobuf.Duration": {
    write: (value, writer, path) =>
      writeTime(parseText(value, parseDuration, 'a duration such as "1.5s"', path), writer),
    read: (reader, end) => durationText(readTime(reader, end)),
  },
  "google.protobuf.Timestamp": {
    write: (value, writer, path) =>
      writeTime(parseText(value, parseTimestamp, 'a time such as "2030-01-31T10:00:00Z"', path), writer),
    read: (reader, end) => timestampText(readTime(reader, end)),
  },
  "google.protobuf.FieldMask": {
    write: (value, writer, path) => {
      if (typeof value !== "string")
        throw new JsonProblem(path, `a text of field names is expected, not ${kindOf(value)}`);
      for (const each of value.split(",").filter((part) => part !== ""))
        writer.uint32((1 << 3) | 2).string(snakeCase(each));
    },
    read: (reader, end) => {
      const paths: string[] = [];
      while (reader.pos < end) {
        const tag = reader.uint32();
        if (tag >>> 3 === 1) paths.push(camelCase($string(reader)));
        else reader.skipType(tag & 7);
      }
      return paths.join(",");
    },
  },
};

function parseText<T>(value: unknown, parse: (text: string) => T | undefined, what: string, path: string): T {
  const parsed = typeof value === "string" ? parse(value) : undefined;
  if (parsed !== undefined) return parsed;
  const found = typeof value === "string" ? JSON.stringify(value.slice(0, 100)) : kindOf(value);
  throw new JsonProblem(path, `${what} is expected, not ${found}`);
}

function writeTime({ seconds, nanos }: SecondsAndNanos, writer: Writer): void {
  if (seconds !== 0) writer.uint32(1 << 3).int64(seconds);
  if (nanos !== 0) writer.uint32(2 << 3).int32(nanos);
}

function readTime(reader: Reader, end: number): SecondsAndNanos {
  let seconds = 0;
  let nanos = 0;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 1 << 3) seconds = $number(reader.int64());
    else if (tag === 2 << 3) nanos = reader.int32();
    else reader.skipType(tag & 7);
  }
  return { seconds, nanos };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (char) => `_${char.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, char: string) => char.toUpperCase());
}
