/** docs/sdk-exports.md against the official packages, where they are installed, and against this SDK. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { exportedNames } from "./module-exports.ts";

const page = readFileSync(new URL("../../docs/sdk-exports.md", import.meta.url), "utf8");
const installed = fileURLToPath(new URL("../compat/typescript/node_modules/", import.meta.url));
const modules = ["workflow", "activity", "client", "worker", "common", "nexus"] as const;

interface Row {
  readonly name: string;
  readonly state: string;
  readonly why: string;
}

function rowsOf(module: string): Row[] {
  const [, section = ""] = page.split(`## @temporalio/${module} → @pawl/sdk/${module}\n`);
  const [own = ""] = section.split("\n## ");
  return [...own.matchAll(/^\| `([\w$]+)` \| (\w+) \| (.*)\|$/gm)].map(([, name, state, why]) => {
    return { name: name!, state: state!, why: why!.trim() };
  });
}

function declarationsOf(specifier: string): string | undefined {
  const path = installed + specifier;
  return [`${path}.d.ts`, `${path}/lib/index.d.ts`, `${path}/index.d.ts`].find(existsSync);
}

for (const module of modules) {
  describe(`@temporalio/${module}`, () => {
    const rows = rowsOf(module);

    test("every row says one of three things, and why when there is nothing", () => {
      assert.ok(rows.length > 15, `${rows.length} rows`);
      for (const { name, state, why } of rows) {
        assert.ok(["same", "better", "no"].includes(state), `${name}: ${state}`);
        assert.equal(why === "", state === "same", `${name}: ${why}`);
      }
      assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length, "no name is there twice");
    });

    test("what is said to be here is, and what is not is not", () => {
      const ours = exportedNames(fileURLToPath(import.meta.resolve(`@pawl/sdk/${module}`)));
      const wrong = rows.filter(({ name, state }) => ours.has(name) !== (state !== "no")).map(({ name }) => name);
      assert.deepEqual(wrong, []);
    });

    test("every export of the official package has its row", (t) => {
      const declarations = declarationsOf(`@temporalio/${module}`);
      if (!declarations) return t.skip("the official packages are not installed; npm run compat installs them");
      const official = [...exportedNames(declarations, declarationsOf)].toSorted();
      assert.deepEqual(rows.map(({ name }) => name).toSorted(), official);
    });
  });
}

test("names that have a value can be imported", async () => {
  for (const module of modules) {
    const loaded = (await import(`@pawl/sdk/${module}`)) as Record<string, unknown>;
    const values = Object.keys(loaded);
    const known = exportedNames(fileURLToPath(import.meta.resolve(`@pawl/sdk/${module}`)));
    assert.deepEqual(
      values.filter((name) => !known.has(name)),
      [],
    );
  }
});
