/** How values become payloads and come back: which converter makes them, what is done to their bytes on the way, and how errors are written. */
import type { ExternalStorage } from "./external-storage.ts";
import { defaultFailureConverter, type FailureConverter } from "./failure-converter.ts";
import type { Payload } from "./payload.ts";
import { defaultPayloadConverter, type PayloadConverter } from "./payload-converter.ts";

/**
 * Changes payloads on their way to the server and back: encryption, compression. Never called inside the workflow sandbox, so it may wait and use
 * Node. `decode` must let payloads pass that it has not encoded.
 */
export interface PayloadCodec {
  encode(payloads: Payload[]): Promise<Payload[]>;
  decode(payloads: Payload[]): Promise<Payload[]>;
}

/** How a client or worker writes and reads payloads. Both ends of a payload must agree on it. Default: {@link defaultDataConverter}. */
export interface DataConverter {
  /** A module that exports `payloadConverter`. Workflow code gets its own copy, bundled with it: it must not need Node. */
  payloadConverterPath?: string;
  /** A module that exports `failureConverter`. */
  failureConverterPath?: string;
  /** In place of a path, for clients and for workers without workflows: an object cannot enter the sandbox. */
  payloadConverter?: PayloadConverter;
  failureConverter?: FailureConverter;
  /** Applied in this order when payloads leave, and in the opposite order when they come. */
  payloadCodecs?: PayloadCodec[];
  /** Where payloads go that are too large for histories. Default: nowhere. */
  externalStorage?: ExternalStorage;
}

/** A data converter whose modules have been imported. */
export interface LoadedDataConverter {
  readonly payloadConverter: PayloadConverter;
  readonly failureConverter: FailureConverter;
  readonly payloadCodecs: readonly PayloadCodec[];
  readonly externalStorage?: ExternalStorage | undefined;
}

/** JSON, bytes and `undefined` as they are; no codecs. */
export const defaultDataConverter: LoadedDataConverter = {
  payloadConverter: defaultPayloadConverter,
  failureConverter: defaultFailureConverter,
  payloadCodecs: [],
};

/** Throws `TypeError` naming what is wrong with what a module exports as its converter. */
export function requirePayloadConverter(value: unknown, from: string): PayloadConverter {
  return required<PayloadConverter>(value, ["toPayload", "fromPayload"], "payloadConverter", from);
}

export function requireFailureConverter(value: unknown, from: string): FailureConverter {
  return required<FailureConverter>(value, ["errorToFailure", "failureToError"], "failureConverter", from);
}

function required<T>(value: unknown, methods: readonly string[], name: string, from: string): T {
  const found = value as Record<string, unknown> | null | undefined;
  for (const method of methods) {
    if (typeof found?.[method] !== "function") {
      throw new TypeError(`${from} must export a ${name} that has the functions ${methods.join(" and ")}`);
    }
  }
  return value as T;
}
