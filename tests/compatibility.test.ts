/** What `docs/compatibility.md` says is served is served, and nothing else is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type MethodName, methods } from "@pawl/protocol";
import { CallError, call } from "./rig/call.ts";
import { type RunningServer, startPawl } from "./rig/server.ts";

const document = readFileSync(new URL("../docs/compatibility.md", import.meta.url), "utf8");
const [, table = ""] = /## What is served\n([\s\S]*?)\n## /.exec(document) ?? [];
const documented = new Set([...table.matchAll(/`(\w+)`/g)].map(([, name]) => name));
const unimplemented = 12;

let server: RunningServer;
before(async () => {
  server = await startPawl();
});
after(() => server.stop());

test("the table names methods of the API, each once", () => {
  const names = [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  assert.deepEqual(
    names.filter((name) => !Object.hasOwn(methods, name!)),
    [],
  );
  assert.equal(new Set(names).size, names.length);
});

test("exactly the methods of the table are served; each other one answers UNIMPLEMENTED with its name", async () => {
  const served: string[] = [];
  for (const name of Object.keys(methods) as MethodName[]) {
    try {
      await call(server.address, name, {});
      served.push(name);
    } catch (error) {
      assert.ok(error instanceof CallError, `${name}: ${error}`);
      if (error.status !== unimplemented) served.push(name);
      else assert.match(error.message, new RegExp(`\\b${name}\\b`));
    }
  }
  const undocumented = served.filter((name) => !documented.has(name));
  const missing = [...documented].filter((name) => !served.includes(name!));
  assert.deepEqual({ undocumented, missing }, { undocumented: [], missing: [] });
});
