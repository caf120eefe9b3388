import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bundleWorkflowCode } from "./bundle.ts";

test("functions and classes of a bundle have the names that they were written with, and a dictionary of properties only where esbuild took it from them", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "pawl-bundle-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "workflows.ts");
  await writeFile(
    join(folder, "other.ts"),
    "export function declared() {}\nexport class Known { static known = Known; }\n",
  );
  await writeFile(
    path,
    [
      'export { declared as others, Known } from "./other.ts";',
      "export function declared() {}",
      "export const arrow = () => undefined;",
    ].join("\n"),
  );

  const { code, runtime } = await bundleWorkflowCode({ workflowsPath: path });

  const module = { exports: {} as { workflows(): Record<string, { name: string }> } };
  new Function("module", "exports", code)(module, module.exports);
  const names = Object.entries(module.exports.workflows()).map(([exported, { name }]) => [exported, name]);
  assert.deepEqual(Object.fromEntries(names), {
    ...{ declared: "declared", others: "declared", arrow: "arrow", Known: "Known" },
  });
  // esbuild's own way, should a newer one write it otherwise, would be found here.
  for (const each of [code, runtime!.code])
    assert.match(each, /^var __name = .*target\.name === value.* \? target : /m);
});
