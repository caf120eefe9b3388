/**
 * What the generated codecs share: protobufjs' Reader and Writer, and the few rules that proto3 asks of a reader beyond them.
 * JavaScript because the generated modules are; its types are in wire.d.ts.
 */
import protobuf from "protobufjs/minimal.js";

export const $Reader = protobuf.Reader;
export const $Writer = protobuf.Writer;
export const $empty = new Uint8Array(0);

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A proto3 string must be valid UTF-8. The fast path decodes loosely; only a replacement character makes it look again. */
export function $string(reader) {
  const start = reader.pos;
  const text = reader.string();
  if (text.includes("\ufffd")) {
    const end = reader.pos;
    reader.pos = start;
    const length = reader.uint32();
    try {
      strict.decode(reader.buf.subarray(end - length, end));
    } catch {
      throw new RangeError("string field contains invalid UTF-8");
    }
    reader.pos = end;
  }
  return text;
}

/** int64 as a number: ids and counts of this API stay far below 2^53; a hostile larger one loses low bits, nothing else. */
export function $number(value) {
  return typeof value === "number" ? value : value.toNumber();
}

/** Where the length-delimited field that starts here ends; never past the buffer. */
export function $end(reader) {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError("message is truncated");
  return end;
}
