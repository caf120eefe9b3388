/** What a user has of the packages that `npm run pack` makes: a project of his own, compiled with settings of his own, with nothing of this repository but them. */
import assert from "node:assert/strict";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pack } from "../../tools/pack.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { repository, run } from "../rig/toolchain.ts";

const testMs = 180_000;

interface Door {
  readonly types: string;
  readonly default: string;
}

interface Installed {
  readonly name: string;
  readonly folder: string;
  readonly exports: Readonly<Record<string, string | Door>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly scripts?: object;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const project: Readonly<Record<string, string>> = {
  "package.json": '{ "type": "module" }',
  "src/activities.ts": `
export async function greet(name: string): Promise<string> {
  return \`Hello, \${name}!\`;
}
`,
  "src/workflows.ts": `
import { ApplicationFailure, condition, defineSignal, proxyActivities, setHandler } from "@pawl/sdk/workflow";
import type * as activities from "./activities.js";

const { greet } = proxyActivities<typeof activities>({ startToCloseTimeout: "1 minute" });
export const named = defineSignal<[string]>("named");

export async function greeting(): Promise<string> {
  let name = "";
  setHandler(named, (given) => {
    name = given;
  });
  await condition(() => name !== "");
  return await greet(name);
}

export async function fetches(): Promise<void> {
  await fetch("http://localhost");
}

export async function refuses(): Promise<void> {
  throw ApplicationFailure.nonRetryable("refused");
}
`,
  "src/main.ts": `
import { fileURLToPath } from "node:url";
import { Client, Connection, WorkflowFailedError } from "@pawl/sdk/client";
import { DefaultLogger, NativeConnection, Worker } from "@pawl/sdk/worker";
import * as activities from "./activities.js";
import { fetches, greeting, named, refuses } from "./workflows.js";

const address = process.argv[2]!;
const taskQueue = "packed";
const connection = await NativeConnection.connect({ address });
const workflowsPath = fileURLToPath(new URL("./workflows.js", import.meta.url));
const logger = new DefaultLogger("ERROR", () => {});
const worker = await Worker.create({ connection, taskQueue, workflowsPath, activities, logger });
const client = new Client({ connection: await Connection.connect({ address }) });
await worker.runUntil(async () => {
  const handle = await client.workflow.start(greeting, { taskQueue, workflowId: "greeting" });
  await handle.signal(named, "packed");
  const greeted: string = await handle.result();
  console.log(greeted);
  const fetching = await client.workflow.start(fetches, { taskQueue, workflowId: "fetches" });
  for (;;) {
    const { events } = await fetching.fetchHistory();
    const failed = events.find((event) => event.workflowTaskFailedEventAttributes);
    if (failed === undefined) continue;
    console.log(failed.workflowTaskFailedEventAttributes?.failure?.message);
    break;
  }
  await fetching.terminate();
  const refusing = client.workflow.execute(refuses, { taskQueue, workflowId: "refuses" });
  console.log(await refusing.catch((error: WorkflowFailedError) => error.cause?.stack));
});
await connection.close();
await client.connection.close();
`,
  "src/embedded.ts": `
import { fileURLToPath } from "node:url";
import { TestWorkflowEnvironment } from "@pawl/testing";
import { open } from "pawl";
import * as activities from "./activities.js";
import { greeting, named } from "./workflows.js";

const app = await open("file:app.db");
const workflowsPath = fileURLToPath(new URL("./workflows.js", import.meta.url));
await app.worker({ taskQueue: "embedded", workflowsPath, activities });
const handle = await app.client.workflow.start(greeting, { taskQueue: "embedded", workflowId: "greeting" });
await handle.signal(named, "embedded");
console.log(await handle.result());
await app.close();
const environment = await TestWorkflowEnvironment.createTimeSkipping();
await environment.sleep("1 year");
await environment.teardown();
`,
};

const usual = { strict: true, target: "es2022", types: ["node"], rootDir: "src", skipLibCheck: false };
const compilerOptions = {
  "as most projects": { ...usual, module: "nodenext" },
  "of the strictest kind": {
    ...{ ...usual, module: "nodenext", exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ...{ noPropertyAccessFromIndexSignature: true, noImplicitOverride: true, verbatimModuleSyntax: true },
  },
  "of a bundler": { ...usual, module: "esnext", moduleResolution: "bundler" },
};

let folder: string;
let installed: readonly Installed[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "pawl-packed-"));
  installed = await install(await pack(join(folder, "dist")));
  for (const [path, text] of Object.entries({ ...project, "src/doors.ts": importOfDoors() })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
});
after(() => rm(folder, { recursive: true }));

/** As `npm install` puts them there, with what they declare, and nothing else, taken from this repository's own installation. */
async function install(tarballs: readonly string[]): Promise<Installed[]> {
  const modules = join(folder, "node_modules");
  const packages = await Promise.all(
    tarballs.map(async (tarball) => {
      const unpacked = `${tarball}.unpacked`;
      mkdirSync(unpacked);
      await run("tar", ["-xzf", tarball, "-C", unpacked]);
      const manifest = JSON.parse(readFileSync(join(unpacked, "package/package.json"), "utf8")) as Installed;
      const target = join(modules, manifest.name);
      mkdirSync(dirname(target), { recursive: true });
      renameSync(join(unpacked, "package"), target);
      return { ...manifest, folder: target };
    }),
  );
  const ours = new Set(packages.map(({ name }) => name));
  for (const { name, dependencies = {} } of packages)
    for (const dependency of Object.keys(dependencies)) if (!ours.has(dependency)) link(dependency, sourceOf(name));
  // The user's own.
  for (const dependency of ["@types/node", "@opentelemetry/api"]) link(dependency, repository);
  return packages;
}

function link(dependency: string, from: string): void {
  const at = createRequire(join(from, "package.json")).resolve.paths(dependency) ?? [];
  const target = at.map((each) => join(each, dependency)).find(existsSync);
  assert.ok(target, `${dependency} is not installed`);
  const path = join(folder, "node_modules", dependency);
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) symlinkSync(target, path, "junction");
}

interface Workspace {
  readonly name: string;
  readonly files?: readonly string[];
  readonly exports: Readonly<Record<string, string>>;
}

function workspaces(): (Workspace & { readonly folder: string })[] {
  return globSync("packages/*/package.json", { cwd: repository }).map((path) => ({
    ...(JSON.parse(readFileSync(join(repository, path), "utf8")) as Workspace),
    folder: join(repository, dirname(path)),
  }));
}

function sourceOf(name: string): string {
  return workspaces().find((each) => each.name === name)!.folder;
}

/** A module that imports everything that may be imported, but for programs, which would begin to run. */
function importOfDoors(): string {
  const names = installed.flatMap(({ name, exports, bin = {} }) =>
    Object.entries(exports).flatMap(([door, file]) => {
      const isModule = typeof file !== "string" && !door.includes("*") && !Object.values(bin).includes(file.default);
      return isModule ? [`${name}${door.slice(1)}`] : [];
    }),
  );
  const imports = names.map((name, at) => `import * as door${at} from ${JSON.stringify(name)};`);
  const counts = names.map((name, at) => `${JSON.stringify(name)}: Object.keys(door${at}).length`);
  return `${imports.join("\n")}\nconsole.log(JSON.stringify({ ${counts.join(", ")} }));\n`;
}

async function compile(options: object): Promise<void> {
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["src"] }));
  await run(process.execPath, [join(repository, "node_modules/typescript/bin/tsc"), "-p", folder]);
}

describe("the packed packages", { timeout: testMs }, () => {
  test("are all that the workspace has, with every door but those of this repository's own tests", () => {
    const doorsOf = ({ name, exports }: Pick<Workspace | Installed, "name" | "exports">) =>
      Object.keys(exports).map((door) => `${name}${door.slice(1)}`);
    const packed = new Set(installed.flatMap(doorsOf));
    const missing = workspaces()
      .flatMap(doorsOf)
      .filter((door) => !packed.has(door));
    assert.deepEqual(missing, ["@pawl/store/conformance"]);
  });

  test("bring JavaScript and declarations for each door, no sources, no tests, and nothing that runs at their installation", () => {
    for (const { name, folder: home, exports, bin = {}, scripts } of installed) {
      const named = Object.values(exports).flatMap((file) => (typeof file === "string" ? file : Object.values(file)));
      for (const file of [...named, ...Object.values(bin), "LICENSE"])
        assert.notDeepEqual(globSync(file, { cwd: home }), [], `${name} has no ${file}`);
      assert.deepEqual(globSync("**/{*.test.*,*.tsx,*[!d].ts}", { cwd: home }), [], name);
      assert.equal(scripts, undefined);
    }
  });

  for (const [whose, options] of Object.entries(compilerOptions)) {
    test(`type-check with the settings ${whose}`, () => compile({ ...options, noEmit: true }));
  }

  describe("at work", () => {
    before(() => compile({ ...usual, module: "nodenext", sourceMap: true, outDir: "lib" }));

    test("every door opens", async () => {
      const counts = JSON.parse(await run(process.execPath, [join(folder, "lib/doors.js")])) as object;
      assert.deepEqual(
        Object.entries(counts).filter(([, count]) => count === 0),
        [],
      );
    });

    test("a server inside the program runs a workflow, and the one for tests skips time", async () => {
      const printed = await run(process.execPath, [join(folder, "lib/embedded.js")], { cwd: folder });
      assert.equal(printed, "Hello, embedded!");
    });

    describe("with the command `pawl`", () => {
      let server: RunningServer;
      before(async () => {
        const program = join(folder, "node_modules/pawl/bin/pawl.cjs");
        server = await startPawl({ program, args: ["--ui-port", "0"] });
      });
      after(() => server.stop());

      test("a worker runs workflows, and says of what goes wrong in them where that is in the sources", async () => {
        const printed = await run(process.execPath, [join(folder, "lib/main.js"), server.address]);
        const [greeted, fetched, refused, stack = ""] = printed.split("\n");
        assert.deepEqual([greeted, refused], ["Hello, packed!", "ApplicationFailure: refused"]);
        assert.match(fetched ?? "", /fetch is not there.*src[\\/]workflows\.ts:18:\d+.*activity/);
        assert.match(stack, /^ +at refuses .*src[\\/]workflows\.ts:22:\d+/);
      });

      test("the web UI is served", async () => {
        const [, address = ""] = /web UI on (http:\/\/[\d.:]+)/.exec(server.logs()) ?? assert.fail(server.logs());
        const html = await (await fetch(address)).text();
        const [, script] = /src="([^"]+)"/.exec(html) ?? assert.fail(html);
        assert.equal((await fetch(new URL(script!, address))).status, 200);
      });
    });
  });
});
