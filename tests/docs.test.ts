/**
 * The programs in `docs`, taken from the pages as they stand. A block that begins with ```ts file=NAME is a file of its page, one with `run` behind it is also run,
 * and the ```text block after that is what it prints. All files of all pages are type-checked; each page has a worker on the task queue `docs`
 * with its `*.workflows.ts` and `*.activities.ts`.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { DefaultLogger, NativeConnection, Worker } from "@pawl/sdk/worker";
import { call } from "./rig/call.ts";
import { endWithThisProcess, freePort, type RunningServer, startPawl } from "./rig/server.ts";
import { repository, run } from "./rig/toolchain.ts";

const documentedAddress = "localhost:7233";
const sharedFile = "client.ts";
const testMs = 120_000;

interface Program {
  readonly file: string;
  readonly text: string;
  readonly runs: boolean;
  /** What it prints, when it is run. */
  readonly prints: string;
}

const pages = (await readdir(join(repository, "docs"))).filter((name) => name.endsWith(".md"));
const programs = new Map<string, readonly Program[]>();
for (const page of pages) {
  const found = programsOf(await readFile(join(repository, "docs", page), "utf8"));
  if (found.length > 0) programs.set(basename(page, ".md"), found);
}
const sharedClient = [...programs.values()].flat().find(({ file }) => file === sharedFile)!;

let folder: string;
let port: number;
let server: RunningServer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "docs-"));
  port = await freePort();
  server = await startPawl({ port, dbFilename: join(folder, "state.db") });
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"), "junction");
  for (const [page, files] of programs) {
    await mkdir(join(folder, page));
    for (const { file, text } of [sharedClient, ...files]) {
      await writeFile(join(folder, page, file), text.replace(documentedAddress, server.address));
    }
  }
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** The files of a page, in its order. */
function programsOf(page: string): Program[] {
  return [...page.matchAll(/^```ts file=(\S+)( run)?\n([\s\S]*?)^```\n(?:\s*^```text\n([\s\S]*?)^```\n)?/gm)].map(
    ([, file = "", runs, text = "", prints = ""]) => ({ file, text, runs: runs !== undefined, prints }),
  );
}

test("every program of every page passes the type checker", { timeout: testMs }, async () => {
  const options = JSON.parse(await readFile(join(repository, "tsconfig.json"), "utf8")).compilerOptions;
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions: options, include: [...programs.keys()].map((page) => `${page}/*.ts`) }),
  );
  await run(process.execPath, [join(repository, "node_modules/typescript/bin/tsc"), "-p", folder]);
});

for (const [page, files] of programs) {
  const runnable = files.filter(({ runs }) => runs);
  if (runnable.length === 0) continue;
  describe(page, () => {
    let connection: NativeConnection;
    let worker: Worker;
    let running: Promise<void>;

    before(async () => {
      connection = await NativeConnection.connect({ address: server.address });
      worker = await workerOf(page, files, connection);
      running = worker.run();
    });
    after(async () => {
      worker.shutdown();
      await running;
      await connection.close();
    });

    for (const { file, prints } of runnable) {
      test(`${file} prints what the page says`, { timeout: testMs }, async () => {
        assert.notEqual(prints, "", "the page says what it prints");
        assert.equal(await run(process.execPath, [join(folder, page, file)]), prints.trimEnd());
      });
    }
  });
}

async function workerOf(page: string, files: readonly Program[], connection: NativeConnection): Promise<Worker> {
  const named = (end: string) => files.map(({ file }) => file).filter((file) => file.endsWith(end));
  const index = join(folder, page, "all-workflows.ts");
  await writeFile(
    index,
    named(".workflows.ts")
      .map((file) => `export * from "./${file}";\n`)
      .join(""),
  );
  const modules = await Promise.all(
    named(".activities.ts").map((file): Promise<object> => import(pathToFileURL(join(folder, page, file)).href)),
  );
  return await Worker.create({
    ...{ connection, taskQueue: "docs", workflowsPath: index, logger: new DefaultLogger("ERROR") },
    activities: Object.assign({}, ...modules),
  });
}

test("operations: the flags that it lists are those of the server", { timeout: testMs }, async () => {
  const pawl = join(repository, "packages/cli/bin/pawl.cjs");
  const help = await run(process.execPath, [pawl, "server", "--help"]);
  const served = [...help.matchAll(/^ {2}(?:-\w, | {4})?(--[a-z-]+)/gm)].map(([, flag]) => flag);
  const listed = (await sectionOf("operations.md", "## Flags")).matchAll(/^\| (`--[^|]*)/gm);
  const flags = [...listed].flatMap(([, cell = ""]) => [...cell.matchAll(/--[a-z-]+/g)].map(([flag]) => flag));
  assert.deepEqual(flags.toSorted(), served.filter((flag) => flag !== "--help").toSorted());
});

test("operations: the metrics that it lists are served", { timeout: testMs }, async () => {
  const metricsPort = await freePort();
  const watched = await startPawl({
    args: ["--metrics-port", String(metricsPort), "--http-port", "0"],
    // Spans are counted where there is a collector to be sent to; nobody listens here.
    env: { OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" },
  });
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const rows = (await sectionOf("operations.md", "## Metrics")).matchAll(/^\| (`[a-z][^|]*)/gm);
  const names = [...rows].flatMap(([, cell = ""]) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name!));
  assert.ok(names.length > 0);
  // Errors have a series when there has been one.
  const served = names.filter((name) => name !== "service_error_with_type" && name !== "http_service_requests");
  for (const name of served) assert.match(text, new RegExp(`^# TYPE ${name} `, "m"), name);
  assert.equal(await watched.stop(), 0);
});

async function sectionOf(page: string, heading: string): Promise<string> {
  const text = await readFile(join(repository, "docs", page), "utf8");
  const [, section] = text.split(`\n${heading}\n`);
  assert.ok(section, `${page} has a section ${heading}`);
  return section.split("\n## ")[0]!;
}

test("getting started: the order goes on after a kill -9 of the program and of the server", {
  timeout: testMs,
}, async () => {
  const main = join(folder, "getting-started/main.ts");
  const first = spawn(process.execPath, [main], { stdio: ["ignore", "pipe", "inherit"] });
  endWithThisProcess(first);
  await untilPrinted(first, "cake 2 is baked\n");
  await untilNoActivityIsPending("order-1");
  first.kill("SIGKILL");
  await once(first, "exit");
  await server.kill9();
  server = await startPawl({ port, dbFilename: join(folder, "state.db") });

  const promised = textIn(await sectionOf("getting-started.md", "## With a server"));
  assert.equal(await run(process.execPath, [main]), promised);
});

test("getting started: the order in one file goes on after a kill -9", { timeout: testMs }, async () => {
  const kept = join(folder, "killed");
  await mkdir(kept);
  const file = join(kept, "bakery.ts");
  await copyFile(join(folder, "getting-started/bakery.ts"), file);
  const first = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  endWithThisProcess(first);
  await untilPrinted(first, "cake 2 is baked\n");
  first.kill("SIGKILL");
  await once(first, "exit");
  const promised = textIn(await sectionOf("getting-started.md", "## 2. Kill it"));
  // The second cake may have been baked and not yet recorded.
  assert.equal((await run(process.execPath, [file])).replace(/^cake 2 is baked\n/, ""), promised);
});

/** What is printed, as the first block of a section has it. */
function textIn(section: string): string {
  return section.split("\n```text\n")[1]!.split("\n```\n")[0]!;
}

async function untilPrinted(program: ChildProcess, line: string): Promise<void> {
  let text = "";
  for await (const chunk of program.stdout!) {
    text += chunk;
    if (text.includes(line)) return;
  }
  assert.fail(`the program ended without printing ${line}; it printed ${text}`);
}

/** What an activity did is seen before it is recorded. */
async function untilNoActivityIsPending(workflowId: string): Promise<void> {
  const request = { namespace: "default", execution: { workflowId } };
  while ((await call(server.address, "DescribeWorkflowExecution", request)).pendingActivities.length > 0)
    await delay(20);
}
