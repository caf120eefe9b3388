/** `__stack_trace` and `__enhanced_stack_trace`: where the code of a run waits, at its own lines. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { WorkflowHandle } from "@pawl/sdk/client";
import { DefaultLogger, type WorkerOptions } from "@pawl/sdk/worker";
import { type EnhancedStackTrace, enhancedStackTraceQuery, stackTraceQuery } from "@pawl/sdk/workflow";
import * as workflows from "./stack-trace/workflows.ts";
import { newId, newWorker, useTarget } from "./target.ts";

const target = useTarget();
const workflowsPath = fileURLToPath(new URL("./stack-trace/workflows.ts", import.meta.url));
const source = readFileSync(workflowsPath, "utf8");

type Held = WorkflowHandle<typeof workflows.waitsInPlaces>;

async function withHeld(options: Partial<WorkerOptions>, use: (handle: Held) => Promise<void>): Promise<void> {
  const worker = await newWorker(target, { workflowsPath, ...options });
  await worker.runUntil(async () => {
    const { taskQueue } = worker.options;
    const handle = await target.client.workflow.start(workflows.waitsInPlaces, { workflowId: newId(), taskQueue });
    await use(handle);
    await handle.terminate();
  });
}

/** Each stack as the functions and the comments of its lines. */
function told({ stacks }: EnhancedStackTrace): string[] {
  const lines = source.split("\n");
  const texts = stacks.map(({ locations }) =>
    locations.map(({ file_path, function_name, line, column, internal_code }) => {
      assert.deepEqual([file_path, internal_code], [workflowsPath, false]);
      assert.ok(column !== undefined && column > 0);
      const [, comment = "no comment"] = lines[line! - 1]!.split("// ");
      return `${function_name?.split(".").at(-1) ?? "(no name)"}: ${comment}`;
    }),
  );
  return texts.map((each) => each.join(" < ")).toSorted();
}

/** Asks until the code has come to where it is to wait: what takes it there takes its time. */
async function waitsAt(handle: Held, expected: readonly string[]): Promise<EnhancedStackTrace> {
  const wanted = expected.toSorted().join("\n");
  for (;;) {
    const answer = await handle.query(enhancedStackTraceQuery);
    if (told(answer).join("\n") === wanted) return answer;
    assert.ok((await handle.describe()).status.name === "RUNNING");
    latest = told(answer);
  }
}
let latest: string[] = [];

describe("a run that waits in several places", () => {
  for (const [name, options] of [
    ["kept by its worker", {}],
    ["replayed for the query", { maxCachedWorkflows: 0 }],
  ] as const) {
    test(`${name}: each coroutine at its line, under those that wait for it`, { timeout: 60_000 }, async (t) => {
      t.after(() => latest.length > 0 && t.diagnostic(latest.join("\n")));
      await withHeld(options, async (handle) => {
        const aside = "aside: both";
        await waitsAt(handle, ["waitsInPlaces: the trigger", aside]);
        await handle.signal(workflows.hold);
        await handle.startUpdate(workflows.ask, { waitForStage: "ACCEPTED" });
        const handlers = ["(no name): in the signal's handler", "(no name): in the update's handler"];
        await waitsAt(handle, ["waitsInPlaces: the trigger", aside, ...handlers]);
        await handle.signal(workflows.release);
        const steps = "second: in the second < first: from the first < waitsInPlaces: the steps";
        const { sdk, sources } = await waitsAt(handle, [steps, aside, ...handlers]);
        assert.equal(sdk.name, "typescript");
        assert.match(sdk.version, /^\d+\.\d+\.\d+/);
        assert.deepEqual(sources, {}, "sources are for who asks for them");
        const text = await handle.query(stackTraceQuery);
        const lineOf = (comment: string) => source.slice(0, source.indexOf(`// ${comment}`)).split("\n").length;
        const places = ["in the second", "from the first", "the steps"].map(
          (each) => `${workflowsPath}:${lineOf(each)}:`,
        );
        const block = text.split("\n\n").find((each) => each.includes(places[0]!));
        assert.deepEqual(
          block?.split("\n").map((line, at) => /^ {4}at \S+ \(/.test(line) && line.includes(places[at]!)),
          [true, true, true],
          text,
        );
      });
    });
  }

  test("sources come along where the worker is told so, and nothing is said twice", { timeout: 60_000 }, async () => {
    const logged: string[] = [];
    const logger = new DefaultLogger("INFO", ({ message }) => logged.push(message));
    await withHeld({ showStackTraceSources: true, logger }, async (handle) => {
      const { sources } = await waitsAt(handle, ["waitsInPlaces: the trigger", "aside: both"]);
      assert.deepEqual(sources, { [workflowsPath]: [{ line_offset: 0, content: source }] });
      assert.equal(logged.filter((message) => message === "the workflow has begun").length, 1);
    });
  });
});

test("a run that has ended waits nowhere", async () => {
  const worker = await newWorker(target, { workflowsPath });
  await worker.runUntil(async () => {
    const options = { workflowId: newId(), taskQueue: worker.options.taskQueue };
    const handle = await target.client.workflow.start(workflows.waitsForNothing, options);
    await handle.result();
    assert.equal(await handle.query(stackTraceQuery), "");
    assert.deepEqual((await handle.query(enhancedStackTraceQuery)).stacks, []);
  });
});
