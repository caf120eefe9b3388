/** The README's programs, taken from it as they stand, on the official SDKs against a server with a file that is killed in between. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { prepareNode } from "./rig/node.ts";
import { preparePython } from "./rig/python.ts";
import { endWithThisProcess, freePort, type RunningServer, startPawl } from "./rig/server.ts";
import { repository, run } from "./rig/toolchain.ts";

const documentedAddress = "localhost:7233";
const preparedWithinMs = 900_000;

let folder: string;
let port: number;
let server: RunningServer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "readme-"));
  port = await freePort();
  server = await start();
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

function start(): Promise<RunningServer> {
  return startPawl({ port, dbFilename: join(folder, "state.db") });
}

/** Writes the README's only block of that language to a file, and gives its path. */
async function program(language: string, name: string): Promise<string> {
  const readme = await readFile(join(repository, "README.md"), "utf8");
  const [, ...blocks] = readme.split(`\n\`\`\`${language}\n`);
  assert.equal(blocks.length, 1);
  const [text = ""] = blocks[0]!.split("\n```\n");
  assert.equal(text.split(documentedAddress).length, 2, "the program names the server's address once");
  const path = join(folder, name);
  await writeFile(path, text.replace(documentedAddress, server.address));
  return path;
}

test("a client in TypeScript is greeted by a worker in Python, before and after the server was killed", {
  timeout: preparedWithinMs,
}, async (t) => {
  const [python, node] = [await preparePython(), await prepareNode()];
  if ("skipped" in python) return t.skip(python.skipped);
  if ("skipped" in node) return t.skip(node.skipped);
  await symlink(join(repository, "tests/compat/typescript/node_modules"), join(folder, "node_modules"), "junction");
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const client = await program("ts", "client.ts");
  const worker = spawn(python.tool.scenarios.command, [await program("python", "worker.py")], { stdio: "inherit" });
  endWithThisProcess(worker);

  assert.equal(await run(process.execPath, [client]), "Hello, Ada!");
  await server.kill9();
  server = await start();
  await writeFile(
    client,
    (await readFile(client, "utf8")).replace("greeting-ada", "greeting-bob").replace("Ada", "Bob"),
  );
  assert.equal(await run(process.execPath, [client]), "Hello, Bob!");

  worker.kill("SIGKILL");
  await once(worker, "exit");
});
