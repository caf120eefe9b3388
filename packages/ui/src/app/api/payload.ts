/**
 * What payloads hold, for people. In shorthand the server writes JSON payloads as what they hold, and all others in full: metadata and data in
 * base64. Without shorthand, as histories are read, all are in full, and a list of them is `{payloads: […]}`.
 */

export interface FullPayload {
  readonly metadata: Readonly<Record<string, string>>;
  readonly data?: string;
}

/** A JSON value as clients send it. */
export function payloadOf(value: unknown): FullPayload {
  if (isPayload(value)) return value;
  if (value === null) return { metadata: { encoding: btoa("binary/null") } };
  return {
    metadata: { encoding: btoa("json/plain") },
    data: base64Of(new TextEncoder().encode(JSON.stringify(value))),
  };
}

function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** A value to show: JSON where the payload holds that, and otherwise a sentence about what is there. */
export function shownPayload(value: unknown): unknown {
  if (!isPayload(value)) return value;
  const encoding = encodingOf(value);
  if (encoding === "binary/null") return null;
  if (encoding.startsWith("json/")) return parsed(decodeText(value.data ?? ""));
  return `${encoding === "" ? "unknown encoding" : encoding}, ${bytesOf(value.data ?? "").length} bytes`;
}

/** What a payload holds if that is JSON; all else as it is. */
export function jsonValue(value: unknown): unknown {
  return isPayload(value) && /^(json\/|binary\/null$)/.test(encodingOf(value)) ? shownPayload(value) : value;
}

/** One value alone, several as a list, none as `undefined`. */
export function shownPayloads(values: unknown): unknown {
  const list = payloadsOf(values);
  if (list.length === 0) return undefined;
  return list.length === 1 ? shownPayload(list[0]) : list.map(shownPayload);
}

/** The values of a list in either form. */
export function payloadsOf(values: unknown): readonly unknown[] {
  if (Array.isArray(values)) return values;
  return isPayloadList(values) ? values.payloads : [];
}

/** A message with whatever payloads are in it, each as what it holds. */
export function shownDeep(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isPayload(value)) return shownPayload(value);
  if (isPayloadList(value)) return value.payloads.map(shownPayload);
  if (Array.isArray(value)) return value.map(shownDeep);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shownDeep(field)]));
}

/** All payloads of a message that only their own codec can read. */
export function encodedPayloads(value: unknown): FullPayload[] {
  if (typeof value !== "object" || value === null) return [];
  if (isPayload(value)) return isReadable(value) ? [] : [value];
  return Object.values(value).flatMap(encodedPayloads);
}

/** The message with each of those put in place of what it was made from. */
export function withDecoded(value: unknown, decodedOf: (payload: FullPayload) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isPayload(value)) return isReadable(value) ? value : decodedOf(value);
  if (Array.isArray(value)) return value.map((each) => withDecoded(each, decodedOf));
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withDecoded(field, decodedOf)]));
}

function isReadable(payload: FullPayload): boolean {
  return /^(json\/|binary\/null$|binary\/plain$)/.test(encodingOf(payload));
}

export function isPayload(value: unknown): value is FullPayload {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { metadata } = value as Partial<FullPayload>;
  return typeof metadata === "object" && metadata !== null && typeof metadata["encoding"] === "string";
}

function isPayloadList(value: unknown): value is { readonly payloads: readonly unknown[] } {
  if (typeof value !== "object" || value === null) return false;
  const { payloads, ...others } = value as { payloads?: unknown };
  return Array.isArray(payloads) && Object.keys(others).length === 0 && payloads.every(isPayload);
}

/** "" when it names none. */
export function encodingOf({ metadata }: FullPayload): string {
  return decodeText(metadata["encoding"] ?? "");
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

function decodeText(base64: string): string {
  try {
    return new TextDecoder().decode(bytesOf(base64));
  } catch {
    return "";
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
