/** `pawl api-key …`: the keys in the file that a server is given with `--auth-file`. No server is asked; it reads the file again by itself. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { AuthFile } from "@pawl/server";
import { type Definition, define } from "../command/definition.ts";
import { list, required, span } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import { onePage } from "./pages.ts";

const file = { file: required("path", "the file that the server is given as --auth-file") };

const columns = [
  { heading: "Id", path: "id" },
  { heading: "Name", path: "name" },
  { heading: "Permissions", path: "permissions" },
  { heading: "Created", path: "createdAt", kind: "time" },
  { heading: "Expires", path: "expiresAt", kind: "time" },
] as const;

export const apiKeyCommands: readonly Definition[] = [
  define({
    path: "api-key create",
    summary: "Make a key and print it, once: the file keeps its hash alone",
    flags: {
      ...file,
      name: required("name", "whose it is; the audit log names it"),
      permission: list(
        "NAMESPACE:ROLE",
        "reader, worker, writer or admin of a namespace, or of temporal-system for all",
      ),
      expiresIn: span("how long it is good for; default: until it is revoked"),
    },
    examples: [
      "api-key create --file auth.json --name orders-worker --permission orders:worker",
      "api-key create --file auth.json --name operator --permission temporal-system:admin --expires-in 30d",
    ],
    async run({ output }, { file: path, name, permission: permissions, expiresIn }) {
      if (permissions.length === 0) throw new Failure("usage", "a key without --permission could do nothing");
      const { makeApiKey } = await import("@pawl/server");
      const { text: key, id, hash } = makeApiKey();
      const createdAt = new Date().toISOString();
      const end = expiresIn === undefined ? {} : { expiresAt: new Date(Date.now() + expiresIn).toISOString() };
      const made = { id, name, permissions, createdAt, ...end };
      const before = existsSync(path) ? await read(path) : { apiKeys: [], certificates: [] };
      await write(path, { ...before, apiKeys: [...before.apiKeys, { ...made, hash }] });
      output.thing([{ heading: "Key", path: "key" }, ...columns], { key, ...made });
    },
  }),
  define({
    path: "api-key list",
    summary: "List the keys in a file",
    flags: file,
    async run({ output }, { file: path }) {
      const { apiKeys } = await read(path);
      await output.list(columns, onePage(apiKeys.map(({ hash: _, ...shown }) => shown)));
    },
  }),
  define({
    path: "api-key revoke",
    summary: "Take a key away: servers refuse it within seconds",
    flags: { ...file, id: required("id", "of the key, as `pawl api-key list` shows it") },
    async run({ output }, { file: path, id }) {
      const before = await read(path);
      const apiKeys = before.apiKeys.filter((key) => key.id !== id);
      if (apiKeys.length === before.apiKeys.length) throw new Failure("environment", `${path} has no key ${id}`);
      await write(path, { ...before, apiKeys });
      output.say(`Revoked ${id}`);
    },
  }),
];

async function read(path: string): Promise<AuthFile> {
  const { parseAuthFile } = await import("@pawl/server");
  try {
    return parseAuthFile(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Failure(
      "environment",
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** As a whole or not at all: a server may be reading it. What would make the file useless is found before. */
async function write(path: string, file: AuthFile): Promise<void> {
  const { authFileText, parseAuthFile } = await import("@pawl/server");
  const text = authFileText(file);
  try {
    parseAuthFile(text);
  } catch (error) {
    throw new Failure("usage", (error as Error).message);
  }
  const draft = `${path}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}
