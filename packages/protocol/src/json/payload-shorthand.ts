/**
 * Payloads as people write them: a value that is JSON anyway stands for the payload that holds it. What shorthand cannot say exactly keeps its full
 * form, `{"metadata": {…}, "data": "<base64>"}`, as the reference server has it.
 */
import { common } from "../gen/index.js";
import { base64Of, bytesOf } from "./scalar.ts";
import { isObject, JsonProblem, parseJson } from "./text.ts";

type Payload = common.Payload;

const typeKey = "_protoMessageType";
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value that stands for the payload, or its full form. */
export function payloadJson(payload: Payload): unknown {
  const short = shorthandOf(payload);
  return short ? short.value : fullJson(payload);
}

/** A list, unless there is one among them that needs its full form. The null payload is written in full and does not count as such. */
export function payloadsJson({ payloads }: common.Payloads): unknown {
  const shorts = payloads.map(shorthandOf);
  const list = shorts.map((short, index) => (short ? short.value : fullJson(payloads[index]!)));
  const isShort = shorts.every((short, index) => short || metadataText(payloads[index]!, "encoding") === "binary/null");
  if (isShort) return list;
  return { payloads: list };
}

function fullJson({ metadata, data, externalPayloads: external }: Payload): Record<string, unknown> {
  const shown = Object.fromEntries(Object.entries(metadata).map(([key, bytes]) => [key, base64Of(bytes)]));
  return {
    ...(Object.keys(shown).length > 0 && { metadata: shown }),
    ...(data.length > 0 && { data: base64Of(data) }),
    ...(external.length > 0 && {
      externalPayloads: external.map(({ sizeBytes }) => ({ sizeBytes: String(sizeBytes) })),
    }),
  };
}

/** In a box because it may be anything; `undefined` when there is none. */
function shorthandOf(payload: Payload): { readonly value: unknown } | undefined {
  if (payload.externalPayloads.length > 0) return undefined;
  const keys = Object.keys(payload.metadata);
  const encoding = metadataText(payload, "encoding");
  if (encoding === "json/plain" && keys.length === 1) {
    const value = jsonValue(payload.data);
    // What would be read back as something else has no shorthand.
    return value && !readsOtherwise(value.value) ? value : undefined;
  }
  const messageType = metadataText(payload, "messageType");
  if (encoding !== "json/protobuf" || messageType === "" || keys.length !== 2) return undefined;
  const value = jsonValue(payload.data)?.value;
  return isObject(value) && !(typeKey in value) ? { value: { [typeKey]: messageType, ...value } } : undefined;
}

/** The payload that a value stands for: itself in full form, or what it is shorthand of. */
export function payloadOf(value: unknown): Uint8Array {
  if (value === null) return nullPayload;
  const full = fullForm(value);
  return full ? common.Payload.encode(full) : fromShorthand(value);
}

const nullPayload = common.Payload.encode({ metadata: { encoding: encoder.encode("binary/null") } });
const plainMetadata = common.Payload.encode({ metadata: { encoding: encoder.encode("json/plain") } });

function fromShorthand(value: unknown): Uint8Array {
  if (isObject(value) && typeof value[typeKey] === "string" && value[typeKey] !== "") {
    const { [typeKey]: messageType, ...rest } = value;
    const metadata = { encoding: encoder.encode("json/protobuf"), messageType: encoder.encode(messageType) };
    return common.Payload.encode({ metadata, data: encoder.encode(JSON.stringify(rest)) });
  }
  // The fields of a message may come one after the other: most payloads are these two.
  const data = common.Payload.encode({ data: encoder.encode(JSON.stringify(value)) });
  const payload = new Uint8Array(plainMetadata.length + data.length);
  payload.set(plainMetadata);
  payload.set(data, plainMetadata.length);
  return payload;
}

/** An object that is a payload in full form, and says how it is encoded. */
function fullForm(value: unknown): Payload | undefined {
  if (!isObject(value) || !isObject(value["metadata"])) return undefined;
  const { metadata, data = "", ...others } = value;
  if (Object.keys(others).length > 0) return undefined;
  try {
    const read = Object.fromEntries(Object.entries(metadata).map(([key, each]) => [key, bytesOf(each, key)]));
    const payload = common.Payload.create({ metadata: read, data: bytesOf(data, "data") });
    if (Object.keys(read).length === 0) return undefined;
    return payload.data.length > 0 || metadataText(payload, "encoding") === "binary/null" ? payload : undefined;
  } catch (error) {
    if (error instanceof JsonProblem) return undefined;
    throw error;
  }
}

function readsOtherwise(value: unknown): boolean {
  return isObject(value) && (typeof value[typeKey] === "string" || fullForm(value) !== undefined);
}

function metadataText(payload: Payload, key: string): string {
  const bytes = Object.hasOwn(payload.metadata, key) ? payload.metadata[key] : undefined;
  return bytes ? new TextDecoder().decode(bytes) : "";
}

function jsonValue(data: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: parseJson(strictDecoder.decode(data)) };
  } catch {
    return undefined; // No JSON, whatever its metadata says.
  }
}
