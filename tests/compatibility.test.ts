/** What `docs/compatibility.md` and `docs/api-coverage.md` say is served is served, and nothing else is. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type MethodName, methods } from "@pawl/protocol";
import { CallError, call } from "./rig/call.ts";
import { type RunningServer, startPawl } from "./rig/server.ts";

const document = readFileSync(new URL("../docs/compatibility.md", import.meta.url), "utf8");
const [, table = ""] = /## What is served\n([\s\S]*?)\n## /.exec(document) ?? [];
const documented = new Set([...table.matchAll(/`(\w+)`/g)].map(([, name]) => name));
const unimplemented = 12;
const [, switchedOffRow = ""] =
  /\| answered as by a reference server that has them switched off \|(.*)/.exec(table) ?? [];
const switchedOff = new Set([...switchedOffRow.matchAll(/`(\w+)`/g)].map(([, name]) => name));

/** Rows of the coverage: method, status, the file of its test. */
const coverage = [
  ...readFileSync(new URL("../docs/api-coverage.md", import.meta.url), "utf8").matchAll(
    /^\| `(\w+)` \| ([^|]+) \| (?:\[[^\]]*\]\(\.\.\/([^)]+)\))? ?\|$/gm,
  ),
].map(([, name = "", status = "", file]) => ({ name, status, file }));

let server: RunningServer;
let served: ReadonlySet<string>;
before(async () => {
  server = await startPawl();
  served = await servedMethods();
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

test("exactly the methods of the table are served; each other one answers UNIMPLEMENTED with its name", () => {
  const undocumented = [...served].filter((name) => !documented.has(name));
  const missing = [...documented].filter((name) => !served.has(name!));
  assert.deepEqual({ undocumented, missing }, { undocumented: [], missing: [] });
});

test("every method of the API has its row in the coverage, which says what becomes of it", () => {
  const statusOf = (name: string) => {
    if (!served.has(name)) return "not yet";
    return switchedOff.has(name) ? "switched off" : "served";
  };
  const wrong = Object.keys(methods).filter((name) => {
    const [row, ...others] = coverage.filter((each) => each.name === name);
    return row?.status !== statusOf(name) || others.length > 0;
  });
  const wanted = wrong.map((name) => `| \`${name}\` | ${statusOf(name)} | ${proofOf(statusOf(name))}|`);
  assert.equal(wrong.length, 0, `docs/api-coverage.md must have these rows, once:\n${wanted.join("\n")}`);
  const unknown = coverage.filter(({ name }) => !Object.hasOwn(methods, name)).map(({ name }) => name);
  assert.deepEqual(unknown, [], "docs/api-coverage.md has rows of methods that there are not");
});

test("every row of the coverage names a test that is about its method", () => {
  const wrong = coverage.flatMap(({ name, status, file }) => {
    if (status === "not yet") return file === undefined ? [] : [`${name} is not served, so nothing proves it`];
    const url = new URL(`../${file ?? ""}`, import.meta.url);
    if (file === undefined || !existsSync(url))
      return [`${name}: the row must name the file of a test, as [name](../path)`];
    return new RegExp(`\\b${name}\\b`).test(readFileSync(url, "utf8")) ? [] : [`${name} does not occur in ${file}`];
  });
  assert.deepEqual(wrong, []);
});

function proofOf(status: string): string {
  return status === "not yet" ? "" : "[name of its test](../path of its test) ";
}

/** Each that does not answer UNIMPLEMENTED; those that do say their name. */
async function servedMethods(): Promise<Set<string>> {
  const found = new Set<string>();
  for (const name of Object.keys(methods) as MethodName[]) {
    try {
      await call(server.address, name, {});
      found.add(name);
    } catch (error) {
      assert.ok(error instanceof CallError, `${name}: ${error}`);
      if (error.status !== unimplemented) found.add(name);
      else assert.match(error.message, new RegExp(`\\b${name}\\b`));
    }
  }
  return found;
}
