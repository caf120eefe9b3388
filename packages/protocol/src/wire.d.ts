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
  decode(bytes: Uint8Array): T;
  write(message: Init<T>, writer: Writer): Writer;
  read(reader: Reader, end: number, depth: number): T;
}

/** For tools that write messages without a codec. */
export declare const $Writer: { create(): Writer };
