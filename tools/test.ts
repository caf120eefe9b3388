/**
 * `npm test [-- part of a path …]`: every test file on Node's own runner, each in a process of its own, with one summary at the end.
 *
 * Node's command line would do but for three things: files that start servers and SDK workers must not run side by side on a small machine,
 * a file that hangs must end with all that it started, and on CI a skipped test is a failure, so that green means that everything ran.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { killFileProcesses } from "./process-tree.ts";
import { selected, type TestFile, testFiles } from "./test-files.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
// Hundreds of processes load the same modules: they are compiled once.
process.env["NODE_COMPILE_CACHE"] ??= join(root, ".cache/compiled");
const stillRunningEveryMs = 60_000;
const sideBySideMax = Math.min(availableParallelism(), 4);

type TestEvent = { type: string; data: Record<string, unknown> };

const countNames = ["tests", "suites", "passed", "failed", "cancelled", "skipped", "todo"] as const;
type Counts = Record<(typeof countNames)[number], number>;

interface Outcome {
  readonly counts: Counts;
  /** The full names of tests that were skipped or left to do. */
  readonly notRun: readonly string[];
}

const reporter = new spec();
reporter.on("data", (text: Buffer | string) => process.stdout.write(text));

function report(type: string, data: Record<string, unknown>): void {
  reporter.write({ type, data } as never);
}

function line(text: string): void {
  report("test:stdout", { message: `${text}\n` });
}

const startedAtMs = performance.now();
const files = selected(testFiles(root), process.argv.slice(2));
let ended = 0;

async function runFile(file: TestFile): Promise<Outcome> {
  const fileStartedAtMs = performance.now();
  const seconds = () => ((performance.now() - fileStartedAtMs) / 1_000).toFixed(1);
  const held: TestEvent[] = [];
  // What runs alone is shown as it happens; what runs side by side is shown once it has ended, and only if something is wrong.
  const show = ({ type, data }: TestEvent) => (file.startsProcesses ? report(type, data) : held.push({ type, data }));
  if (file.startsProcesses) line(`▶ ${file.path}`);
  const stillRunning = setInterval(() => line(`… ${file.path}, ${seconds()} s so far`), stillRunningEveryMs);
  const outcome = await outcomeOf(file, show);
  clearInterval(stillRunning);
  const failed = outcome.counts.failed + outcome.counts.cancelled > 0;
  if (failed) for (const { type, data } of held) report(type, data);
  ended++;
  const place = `[${String(ended).padStart(String(files.length).length)}/${files.length}]`;
  const skips = outcome.notRun.length > 0 ? `, ${outcome.notRun.length} skipped` : "";
  line(
    `${place} ${failed ? "✖" : "✔"} ${file.path}: ${outcome.counts.tests} ${outcome.counts.tests === 1 ? "test" : "tests"}${skips}, ${seconds()} s`,
  );
  return outcome;
}

async function outcomeOf(file: TestFile, show: (event: TestEvent) => void): Promise<Outcome> {
  const limit = new AbortController();
  const overdueError = withoutStack(`${file.path} did not end within ${file.limitMs / 1_000} s and was killed`);
  const overdue = setTimeout(() => {
    killFileProcesses(file.path);
    limit.abort(overdueError);
  }, file.limitMs);
  const counts = noCounts();
  const notRun: string[] = [];
  let tests = 0;
  const absolute = `${root}${file.path}`;
  for await (const event of run({ files: [absolute], cwd: root, signal: limit.signal }) as AsyncIterable<TestEvent>) {
    const { type, data } = event;
    // Node counts the file itself as a test when nothing in it is one.
    const isFile = data["name"] === absolute || data["name"] === file.path;
    if ((type === "test:pass" || type === "test:fail") && !isFile) tests++;
    if (data["skip"] !== undefined || data["todo"] !== undefined)
      if (type === "test:pass" || type === "test:fail") notRun.push(`${file.path}: ${data["name"]}${reasonOf(data)}`);
    if (type === "test:summary" && data["file"] === undefined) addCounts(counts, data["counts"] as Counts);
    else if (type === "test:diagnostic" && data["file"] === undefined) continue;
    else show(event);
  }
  clearTimeout(overdue);
  const failed = counts.failed + counts.cancelled > 0;
  if (limit.signal.aborted && !failed) fail(overdueError);
  else if (tests === 0 && !failed) fail(withoutStack(`${file.path} holds no test`));
  return { counts, notRun };

  function fail(error: Error): void {
    const place = { name: file.path, nesting: 0, testNumber: 1, file: absolute, line: 1, column: 1 };
    show({ type: "test:fail", data: { ...place, details: { duration_ms: 0, error } } });
    if (tests === 0) Object.assign(counts, noCounts());
    addCounts(counts, { ...noCounts(), tests: 1, failed: 1 });
  }
}

/** For a reporter that prints the stack: where in this file the message was made tells nobody anything. */
function withoutStack(message: string): Error {
  const error = new Error(message);
  error.stack = message;
  return error;
}

function reasonOf({ skip, todo }: Record<string, unknown>): string {
  const reason = skip ?? todo;
  return typeof reason === "string" && reason !== "" ? ` (${reason})` : "";
}

function noCounts(): Counts {
  return { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
}

function addCounts(into: Counts, counts: Counts): void {
  for (const name of countNames) into[name] += counts[name];
}

async function runAll(): Promise<boolean> {
  const total = noCounts();
  const notRun: string[] = [];
  const queue = [...files];
  const worker = async (startsProcesses: boolean) => {
    while (queue[0]?.startsProcesses === startsProcesses) {
      const outcome = await runFile(queue.shift()!);
      addCounts(total, outcome.counts);
      notRun.push(...outcome.notRun);
    }
  };
  await Promise.all(Array.from({ length: sideBySideMax }, () => worker(false)));
  await worker(true);

  for (const name of notRun) line(`skipped: ${name}`);
  const mayNotSkip = process.env["CI"] !== undefined && process.env["CI"] !== "false" && notRun.length > 0;
  if (mayNotSkip) line(`✖ ${notRun.length} tests did not run, which is a failure where CI is set`);
  const summary = { ...total, pass: total.passed, fail: total.failed };
  for (const name of ["tests", "suites", "pass", "fail", "cancelled", "skipped", "todo"] as const)
    report("test:diagnostic", { nesting: 0, message: `${name} ${summary[name]}` });
  report("test:diagnostic", { nesting: 0, message: `duration_ms ${performance.now() - startedAtMs}` });
  return total.failed + total.cancelled === 0 && !mayNotSkip;
}

if (files.length === 0) {
  console.error(`no test file has ${process.argv.slice(2).join(" or ")} in its path`);
  process.exitCode = 1;
} else {
  const passed = await runAll();
  reporter.end();
  if (!passed) process.exitCode = 1;
}
