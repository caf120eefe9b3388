/** Values ⇄ payloads: what workflow inputs, results, signals and details look like on the wire. The formats are those of every Temporal SDK. */
import { ExternalStorageNotConfiguredError, PayloadConverterError, ValueError } from "./errors.ts";
import { isReference } from "./external-storage.ts";
import type { Payload } from "./payload.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text, and back. */
export const u8 = (text: string): Uint8Array => encoder.encode(text);
/** The text of UTF-8 bytes, such as those of metadata. */
export const str = (bytes: Uint8Array): string => decoder.decode(bytes);

/** What the encodings that every SDK knows are called in payloads. */
export const encodingTypes = {
  METADATA_ENCODING_NULL: "binary/null",
  METADATA_ENCODING_RAW: "binary/plain",
  METADATA_ENCODING_JSON: "json/plain",
  METADATA_ENCODING_PROTOBUF_JSON: "json/protobuf",
  METADATA_ENCODING_PROTOBUF: "binary/protobuf",
} as const;
/** One of {@link encodingTypes}. */
export type EncodingType = (typeof encodingTypes)[keyof typeof encodingTypes];
/** The metadata that says how a payload's bytes are to be read. */
export const METADATA_ENCODING_KEY = "encoding";

const encoded = {
  null: encoder.encode(encodingTypes.METADATA_ENCODING_NULL),
  raw: encoder.encode(encodingTypes.METADATA_ENCODING_RAW),
  json: encoder.encode(encodingTypes.METADATA_ENCODING_JSON),
};
const nothing = new Uint8Array(0);

/** Values to payloads and back. Runs in workflow code, too: as deterministic as that, and without Node. */
export interface PayloadConverter {
  /** Throws {@link ValueError} when the value has no form on the wire. */
  toPayload<T>(value: T): Payload;
  fromPayload<T>(payload: Payload): T;
}

/** A converter for some values, one of those of a {@link CompositePayloadConverter}. */
export interface PayloadConverterWithEncoding {
  readonly encodingType: string;
  /** `undefined` when this converter is not for such values. */
  toPayload<T>(value: T): Payload | undefined;
  fromPayload<T>(payload: Payload): T;
}

/** `undefined`, as a payload without data. */
export class UndefinedPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_NULL;
  toPayload(value: unknown): Payload | undefined {
    return value === undefined ? { metadata: { encoding: encoded.null }, data: nothing } : undefined;
  }
  fromPayload<T>(_payload: Payload): T {
    return undefined as T;
  }
}

/** `Uint8Array`, as it is. */
export class BinaryPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_RAW;
  toPayload(value: unknown): Payload | undefined {
    if (!isBytes(value)) return undefined;
    return { metadata: { encoding: encoded.raw }, data: value };
  }
  fromPayload<T>(payload: Payload): T {
    // A copy of this realm's own Uint8Array: the bytes may belong to another realm, and to a larger buffer.
    return new Uint8Array(payload.data) as T;
  }
}

/** Whatever `JSON.stringify` has a text for. What that throws (a cycle, a bigint) is thrown here. */
export class JsonPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_JSON;
  toPayload(value: unknown): Payload | undefined {
    const json = value === undefined ? undefined : JSON.stringify(value);
    return json === undefined ? undefined : { metadata: { encoding: encoded.json }, data: encoder.encode(json) };
  }
  fromPayload<T>(payload: Payload): T {
    return JSON.parse(decoder.decode(payload.data)) as T;
  }
}

/** A payload in place of a value: sent as it is. */
export class RawValue<T = unknown> {
  readonly #payload: Payload;
  /** Exists in types only: what the payload holds. */
  declare readonly valueType?: T;

  constructor(value: T, payloadConverter: PayloadConverter = defaultPayloadConverter) {
    this.#payload = payloadConverter.toPayload(value);
  }

  static fromPayload(payload: Payload): RawValue {
    return new RawValue(undefined, { toPayload: () => payload, fromPayload: <V>() => undefined as V });
  }

  get payload(): Payload {
    return this.#payload;
  }
}

/** Tries its converters in turn for sending; for reading the payload's encoding says which one. */
export class CompositePayloadConverter implements PayloadConverter {
  readonly converters: readonly PayloadConverterWithEncoding[];
  readonly #byEncoding: ReadonlyMap<string, PayloadConverterWithEncoding>;
  constructor(...converters: PayloadConverterWithEncoding[]) {
    if (converters.length === 0) throw new PayloadConverterError("a CompositePayloadConverter needs a converter");
    this.converters = converters;
    this.#byEncoding = new Map(converters.map((each) => [each.encodingType, each]));
  }

  toPayload<T>(value: T): Payload {
    if (value instanceof RawValue) return value.payload;
    for (const each of this.converters) {
      const payload = each.toPayload(value);
      if (payload !== undefined) return payload;
    }
    throw new ValueError(`a value of type ${typeof value} has no form on the wire; send JSON, bytes or undefined`);
  }

  fromPayload<T>(payload: Payload): T {
    const encoding = payload.metadata[METADATA_ENCODING_KEY];
    if (encoding === undefined) throw new ValueError("the payload names no encoding");
    const name = decoder.decode(encoding);
    const converter = this.#byEncoding.get(name);
    if (!converter && isReference(payload)) throw new ExternalStorageNotConfiguredError();
    if (!converter) throw new ValueError(`no payload converter for encoding ${JSON.stringify(name)}`);
    return converter.fromPayload(payload);
  }
}

/** `undefined`, bytes and JSON, tried in this order. */
export class DefaultPayloadConverter extends CompositePayloadConverter {
  constructor() {
    super(new UndefinedPayloadConverter(), new BinaryPayloadConverter(), new JsonPayloadConverter());
  }
}

/** The converter of a data converter that names none. */
export const defaultPayloadConverter: PayloadConverter = new DefaultPayloadConverter();

/** One payload a value; `undefined` for no values, as an absent field. */
export function toPayloads(converter: PayloadConverter, ...values: unknown[]): Payload[] | undefined {
  return values.length === 0 ? undefined : values.map((value) => converter.toPayload(value));
}

/** The value at `index`; `undefined` when there are fewer. */
export function fromPayloadsAtIndex<T>(
  converter: PayloadConverter,
  index: number,
  payloads: readonly Payload[] | null | undefined,
): T {
  const payload = payloads?.[index];
  return payload === undefined ? (undefined as T) : converter.fromPayload<T>(payload);
}

/** The values of a list; an empty one for none. */
export function arrayFromPayloads(
  converter: PayloadConverter,
  payloads: readonly Payload[] | null | undefined,
): unknown[] {
  return (payloads ?? []).map((payload) => converter.fromPayload(payload));
}

/** The same keys with their values as payloads. */
export function mapToPayloads<K extends string>(
  converter: PayloadConverter,
  values: Record<K, unknown>,
): Record<K, Payload> {
  return mapValues(values, (value) => converter.toPayload(value));
}

/** The same keys with the values of their payloads; `undefined` for no map. */
export function mapFromPayloads<K extends string>(
  converter: PayloadConverter,
  payloads: Record<K, Payload> | null | undefined,
): Record<K, unknown> | undefined {
  return payloads ? mapValues(payloads, (payload) => converter.fromPayload(payload)) : undefined;
}

function mapValues<K extends string, V, R>(record: Record<K, V>, convert: (value: V) => R): Record<K, R> {
  return Object.fromEntries(Object.entries<V>(record).map(([key, value]) => [key, convert(value)])) as Record<K, R>;
}

function isBytes(value: unknown): value is Uint8Array {
  // Bytes that came from another realm are no instances of this one's Uint8Array.
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === "[object Uint8Array]";
}
