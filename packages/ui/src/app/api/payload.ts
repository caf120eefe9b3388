/** What payloads hold, for people. The server writes JSON payloads as what they hold, and all others as metadata and data in base64. */

interface FullPayload {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly data?: string;
}

/** A value to show: JSON where the payload holds that, and otherwise a sentence about what is there. */
export function shownPayload(value: unknown): unknown {
  if (!isFull(value)) return value;
  const encoding = decodeText(value.metadata["encoding"] ?? "");
  if (encoding === "binary/null") return null;
  if (encoding.startsWith("json/")) return parsed(decodeText(value.data ?? ""));
  return `${encoding === "" ? "unknown encoding" : encoding}, ${bytesOf(value.data ?? "").length} bytes`;
}

/** One value alone, several as a list, none as `undefined`. */
export function shownPayloads(values: unknown): unknown {
  if (!Array.isArray(values) || values.length === 0) return undefined;
  return values.length === 1 ? shownPayload(values[0]) : values.map(shownPayload);
}

export function shownFields(fields: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields ?? {}).map(([name, value]) => [name, shownPayload(value)]));
}

function isFull(value: unknown): value is FullPayload & { readonly metadata: Readonly<Record<string, string>> } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { metadata } = value as FullPayload;
  return typeof metadata === "object" && metadata !== null && typeof metadata["encoding"] === "string";
}

function bytesOf(base64: string): Uint8Array {
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
