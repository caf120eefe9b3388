/** Payloads from the command line: JSON unless the metadata says otherwise. */
import { readFileSync } from "node:fs";
import type { common } from "@pawl/sdk/proto";
import { list, onOff } from "./command/flag.ts";
import { Failure } from "./failure.ts";
import type { Json } from "./output/json.ts";
import { pairs } from "./output/pairs.ts";

export const inputFlags = {
  input: list("json", "an argument, as JSON", { short: "i" }),
  inputFile: list("file", "a file with an argument, as JSON"),
  inputMeta: list("KEY=VALUE", "metadata of the arguments, such as encoding=binary/plain, which then need not be JSON"),
  inputBase64: onOff("the arguments are written in base64"),
};

export interface InputValues {
  readonly input: readonly string[];
  readonly inputFile: readonly string[];
  readonly inputMeta: readonly string[];
  readonly inputBase64: boolean;
}

const encoder = new TextEncoder();

export interface Payloads {
  readonly payloads: readonly Partial<common.Payload>[];
}

/** Undefined without any. `name` is that of the first of these flags: the others begin with it. Throws {@link Failure} naming the flag. */
export function payloadsOf(values: InputValues, name = "--input"): Payloads | undefined {
  const { input, inputFile, inputMeta, inputBase64 } = values;
  if (input.length > 0 && inputFile.length > 0)
    throw new Failure("usage", `${name} and ${name}-file exclude each other`);
  const given = [
    ...input.map((text) => ({ flag: name, bytes: encoder.encode(text) as Uint8Array })),
    ...inputFile.map((file) => ({ flag: `${name}-file ${file}`, bytes: bytesOfFile(file) })),
  ];
  if (given.length === 0) return undefined;
  const metadata = metadataLists(inputMeta);
  return {
    payloads: given.map(({ flag, bytes }, index) => payload(flag, inputBase64 ? decoded(bytes, flag) : bytes, index)),
  };

  function payload(flag: string, data: Uint8Array, index: number): Partial<common.Payload> {
    // The first of a key is the first argument's, and so on; the last one serves all that follow.
    const own = Object.entries(metadata).map(([key, all]) => [key, all[Math.min(index, all.length - 1)]!] as const);
    const all = { encoding: "json/plain", ...Object.fromEntries(own) };
    if (all.encoding === "json/plain") checkJson(data, flag);
    const bytes = Object.entries(all).map(([key, value]) => [key, encoder.encode(value)] as const);
    return { metadata: Object.fromEntries(bytes), data };
  }
}

/** One payload of a flag's value. Undefined without it. Throws {@link Failure} naming the flag. */
export function payloadsOfJson(text: string | undefined, flag: string): Payloads | undefined {
  if (text === undefined) return undefined;
  const data = encoder.encode(text);
  checkJson(data, flag);
  return { payloads: [jsonPayload(data)] };
}

/** A payload of what is JSON already. */
export function jsonPayload(data: Uint8Array): Partial<common.Payload> {
  return { metadata: { encoding: encoder.encode("json/plain") }, data };
}

/** `KEY=VALUE` each, the value as JSON. */
export function payloadMap(
  texts: readonly string[],
  flag: string,
): Record<string, Partial<common.Payload>> | undefined {
  if (texts.length === 0) return undefined;
  return Object.fromEntries(
    Object.entries(pairs(texts, flag)).map(([key, text]) => {
      const data = encoder.encode(text);
      checkJson(data, `${flag} ${key}`);
      return [key, jsonPayload(data)];
    }),
  );
}

/** What a payload holds, from its JSON in short or in full. */
export function payloadText(json: Json): string {
  if (typeof json?.metadata?.encoding !== "string") return JSON.stringify(json);
  const encoding = Buffer.from(json.metadata.encoding, "base64").toString();
  const data = Buffer.from(json.data ?? "", "base64");
  if (encoding === "binary/null") return "null";
  return encoding.startsWith("json/") ? data.toString() : `${data.length} bytes of ${encoding}`;
}

/** What a payload in full holds, where that is JSON. Whatever else it is given stays as it is. */
export function payloadValue(json: Json): Json {
  if (typeof json?.metadata?.encoding !== "string") return json;
  const encoding = Buffer.from(json.metadata.encoding, "base64").toString();
  if (encoding !== "json/plain") return json;
  try {
    return JSON.parse(Buffer.from(json.data ?? "", "base64").toString());
  } catch {
    return json;
  }
}

function metadataLists(texts: readonly string[]): Record<string, string[]> {
  const lists: Record<string, string[]> = {};
  for (const each of texts) {
    const [[key, value]] = Object.entries(pairs([each], "--input-meta")) as [[string, string]];
    lists[key] = [...(lists[key] ?? []), value];
  }
  return lists;
}

function checkJson(data: Uint8Array, flag: string): void {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure("usage", `${flag} is not valid JSON (${reason}); a text is written with quotes: '"text"'`);
  }
}

function decoded(bytes: Uint8Array, flag: string): Uint8Array {
  const text = new TextDecoder().decode(bytes).trim();
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    throw new Failure("usage", `${flag} is not valid base64, as --input-base64 says it is`);
  return Buffer.from(text, "base64");
}

export function bytesOfFile(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Failure(
      "environment",
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
