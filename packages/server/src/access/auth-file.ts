/**
 * The file that says who may do what, as JSON: API keys by their hashes, and names in certificates.
 *
 *   { "apiKeys": [{ "id": "…", "name": "ci", "hash": "…", "permissions": ["orders:writer"], "expiresAt": "2030-01-01T00:00:00.000Z" }],
 *     "certificates": [{ "name": "billing.example.org", "permissions": ["billing:worker"] }] }
 */
import { parsePermission } from "./permission.ts";

/** An API key as the file has it: its hash, so that the file gives none away. */
export interface StoredKey {
  /** What stands in the key itself, in the open. */
  readonly id: string;
  /** Whose it is, for the audit log. */
  readonly name: string;
  /** SHA-256 of the key, in hex. */
  readonly hash: string;
  /** Each `NAMESPACE:ROLE`. */
  readonly permissions: readonly string[];
  /** From then on it is refused; without it, never. */
  readonly expiresAt?: string;
  readonly createdAt?: string;
}

export interface CertificateEntry {
  /** The certificate's common name, or one of the DNS names or e-mail addresses in it. */
  readonly name: string;
  readonly permissions: readonly string[];
}

/** Who may do what. */
export interface AuthFile {
  readonly apiKeys: readonly StoredKey[];
  readonly certificates: readonly CertificateEntry[];
}

/** Throws an error that names the field and the rule. */
export function parseAuthFile(text: string): AuthFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error("it is not valid JSON"); // not the parser's own words: they quote the file
  }
  const file = fields(json, "the file", ["apiKeys", "certificates"]);
  const apiKeys = list(file["apiKeys"], "apiKeys").map(storedKey);
  const ids = new Set<string>();
  for (const { id } of apiKeys) {
    if (ids.has(id)) throw new Error(`apiKeys: two have the id ${id}`);
    ids.add(id);
  }
  return { apiKeys, certificates: list(file["certificates"], "certificates").map(certificate) };
}

/** What {@link parseAuthFile} reads. */
export function authFileText(file: AuthFile): string {
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

function storedKey(json: unknown, index: number): StoredKey {
  const at = `apiKeys[${index}]`;
  const entry = fields(json, at, ["id", "name", "hash", "permissions", "expiresAt", "createdAt"]);
  const [id, hash] = [text(entry, at, "id"), text(entry, at, "hash")];
  if (!/^[0-9a-f]{12}$/.test(id)) throw new Error(`${at}.id: twelve hex digits are expected`);
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new Error(`${at}.hash: a SHA-256 in hex is expected`);
  return {
    ...{ id, name: text(entry, at, "name"), hash, permissions: permissions(entry, at) },
    ...("expiresAt" in entry && { expiresAt: time(entry, at, "expiresAt") }),
    ...("createdAt" in entry && { createdAt: time(entry, at, "createdAt") }),
  };
}

function certificate(json: unknown, index: number): CertificateEntry {
  const at = `certificates[${index}]`;
  const entry = fields(json, at, ["name", "permissions"]);
  return { name: text(entry, at, "name"), permissions: permissions(entry, at) };
}

function fields(json: unknown, at: string, known: readonly string[]): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error(`${at}: an object is expected`);
  const stray = Object.keys(json).find((key) => !known.includes(key));
  if (stray !== undefined) throw new Error(`${at}: one of ${known.join(", ")} is expected, not ${stray.slice(0, 100)}`);
  return json as Record<string, unknown>;
}

function list(json: unknown, at: string): readonly unknown[] {
  if (json === undefined) return [];
  if (!Array.isArray(json)) throw new Error(`${at}: a list is expected`);
  return json;
}

function text(entry: Readonly<Record<string, unknown>>, at: string, name: string): string {
  const value = entry[name];
  if (typeof value !== "string" || value === "") throw new Error(`${at}.${name}: a text is expected`);
  return value;
}

function time(entry: Readonly<Record<string, unknown>>, at: string, name: string): string {
  const value = text(entry, at, name);
  if (Number.isNaN(Date.parse(value)))
    throw new Error(`${at}.${name}: a time such as 2030-01-01T00:00:00Z is expected`);
  return value;
}

function permissions(entry: Readonly<Record<string, unknown>>, at: string): readonly string[] {
  return list(entry["permissions"], `${at}.permissions`).map((value) => {
    if (typeof value === "string" && parsePermission(value)) return value;
    throw new Error(
      `${at}.permissions: NAMESPACE:ROLE is expected, ROLE being reader, worker, writer or admin, not ${JSON.stringify(value)}`,
    );
  });
}
