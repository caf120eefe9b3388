import type { Reader, Writer } from "protobufjs/minimal.js";

/**
 * A message as a caller may write it: every field may be left out. `undefined` means absent too, so an optional value is passed on without a condition.
 */
export type Init<T> = T extends Uint8Array | string | number | boolean
  ? T
  : T extends readonly (infer E)[]
    ? readonly Init<E>[]
    : { [K in keyof T]?: Init<T[K]> | undefined };

/** Encodes and decodes one message type. Decoding throws `RangeError` on truncated, too deep or non-UTF-8 input. */
export interface Codec<T> {
  readonly typeName: string;
  /** The message with `init`'s fields and defaults for the rest. */
  create(init?: Partial<T>): T;
  encode(message: Init<T>): Uint8Array;
  /** `depth`: how many of the 100 levels of messages within messages are taken already. Default: none. */
  decode(bytes: Uint8Array, depth?: number): T;
  write(message: Init<T>, writer: Writer): Writer;
  read(reader: Reader, end: number, depth: number): T;
}

/** For what writes and reads messages without a codec. */
export declare const $Writer: { create(): Writer };
export declare const $Reader: { create(bytes: Uint8Array): Reader };
/** A string that must be valid UTF-8; throws `RangeError`. */
export declare function $string(reader: Reader): string;
/** A 64-bit integer as a number; a larger one loses low bits. */
export declare function $number(value: unknown): number;
/** Takes a length and gives where what it counts ends; throws `RangeError` past the buffer. */
export declare function $end(reader: Reader): number;
