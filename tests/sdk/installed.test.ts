/** What `npm install @pawl/sdk` brings: how much, whether anything of it must run first, and what a worker with pre-bundled code does without. */
import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { bundleWorkflowCode } from "@pawl/sdk/worker";
import { repository } from "../rig/toolchain.ts";
import { newId, useTarget, workflowsPath } from "./target.ts";
import { startWorkerProcess } from "./worker-process.ts";
import { greeting } from "./workflows.ts";

const bytesMax = 30e6;

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** The folders of a package and of all that it depends on, as far as they are installed: what is for other platforms is not. */
function closureOf(folder: string, found = new Map<string, Manifest>()): ReadonlyMap<string, Manifest> {
  if (found.has(folder)) return found;
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  found.set(folder, manifest);
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const at = createRequire(join(folder, "package.json")).resolve.paths(name) ?? [];
    const path = at.map((each) => join(each, name)).find((each) => existsSync(join(each, "package.json")));
    if (path) closureOf(path, found);
    else assert.ok(!manifest.dependencies?.[name], `${name} is not installed`);
  }
  return found;
}

/** Every file once, also when it has two names, without what other packages put inside. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules") return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesOf(path) : [path];
  });
}

describe("the installed package", () => {
  const closure = closureOf(join(repository, "packages/sdk"));
  const files = [...closure.keys()].flatMap(filesOf);

  test("takes at most 30 MB with everything that it needs", () => {
    const sizes = new Map(files.map((path) => [lstatSync(path).ino, lstatSync(path).size]));
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    const names = [...closure.values()].map(({ name }) => name).join(", ");
    assert.ok(bytes > 1e6 && bytes <= bytesMax, `${(bytes / 1e6).toFixed(1)} MB: ${names}`);
  });

  test("brings no native add-on, and nothing that must run at its installation", () => {
    assert.deepEqual(
      files.filter((path) => path.endsWith(".node")),
      [],
    );
    const running = [...closure.values()].filter(({ scripts = {} }) =>
      ["preinstall", "install", "postinstall"].some((name) => name in scripts),
    );
    // Its script only looks whether the program, which is a package of its own, came along.
    assert.deepEqual(
      running.map(({ name }) => name),
      ["esbuild"],
    );
    const esbuild = dirname(createRequire(import.meta.url).resolve("esbuild/package.json"));
    const program = join("@esbuild", `${process.platform}-${process.arch}`, "package.json");
    assert.ok(createRequire(join(esbuild, "package.json")).resolve(program));
  });
});

describe("a worker with pre-bundled code", () => {
  const target = useTarget();
  const folder = mkdtempSync(join(tmpdir(), "pawl-bundle-"));
  after(() => rmSync(folder, { recursive: true }));

  test("needs no bundler, and is refused nothing by its absence", async () => {
    const bundleFile = join(folder, "bundle.json");
    writeFileSync(bundleFile, JSON.stringify(await bundleWorkflowCode({ workflowsPath })));
    const refusing = `import { registerHooks } from "node:module";
      registerHooks({ resolve: (name, context, next) => {
        if (name === "esbuild") throw new Error("there is no esbuild here");
        return next(name, context);
      } });`;
    const nodeArgs = ["--import", `data:text/javascript,${encodeURIComponent(refusing)}`];
    await assert.rejects(
      startWorkerProcess(target.server.address, { nodeArgs }),
      "sources cannot be bundled without it",
    );
    const worker = await startWorkerProcess(target.server.address, { nodeArgs, bundleFile });
    const options = { workflowId: newId(), taskQueue: worker.taskQueue, args: ["bundle"] as [string] };
    assert.equal(await target.client.workflow.execute(greeting, options), "Hello, bundle!");
    assert.equal(await worker.stop(), 0);
  });
});
