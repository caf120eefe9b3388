/** Interceptors on every path of workflows and activities, sinks, and what both say to logs and metrics. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { activityInfo, log, metricMeter } from "@pawl/sdk/activity";
import { DefaultLogger, defaultPayloadConverter, type LogEntry } from "@pawl/sdk/common";
import {
  type ActivityInterceptorsFactory,
  type InjectedSinks,
  MetricsBuffer,
  Runtime,
  Worker,
  type WorkerOptions,
} from "@pawl/sdk/worker";
import type { JournalSinks } from "./interceptors/journal.ts";
import * as workflows from "./interceptors/workflows.ts";
import { newId, newWorker, useTarget } from "./target.ts";

const buffer = new MetricsBuffer();
Runtime.install({ telemetryOptions: { metrics: { buffer } } });
const target = useTarget();
const path = (name: string) => fileURLToPath(new URL(`./interceptors/${name}`, import.meta.url));
const workflowsPath = path("workflows.ts");
const workflowModules = [path("marking.ts")];

const activities = {
  async echo(text: string): Promise<string> {
    log.info("echo");
    metricMeter.createHistogram("echoed", "int", "ms").record(text.length);
    return `${text}, attempt ${activityInfo().attempt}`;
  },
};

const marking: ActivityInterceptorsFactory = (context) => ({
  inbound: {
    execute: async (input, next) => {
      const mark = input.headers["mark"];
      const by = mark ? defaultPayloadConverter.fromPayload<string>(mark) : "nobody";
      return `${await next({ ...input, args: [`${input.args[0]} for ${by}`] })}, ${context.info.isLocal}`;
    },
  },
  outbound: {
    getLogAttributes: (input, next) => ({ ...next(input), added: "by activity" }),
    getMetricTags: (input, next) => ({ ...next(input), added: "by activity" }),
  },
});

async function withWorker<R>(options: Partial<WorkerOptions>, work: (taskQueue: string) => Promise<R>): Promise<R> {
  const worker = await newWorker(target, { workflowsPath, activities, ...options });
  return await worker.runUntil(work(worker.options.taskQueue));
}

describe("interceptors", () => {
  for (const cacheSize of [0, 1_000]) {
    test(`each is there on its path, with ${cacheSize} cached runs, and all of it replays`, async () => {
      const options = { interceptors: { workflowModules, activity: [marking] }, maxCachedWorkflows: cacheSize };
      await withWorker(options, async (taskQueue) => {
        const { client } = target;
        const workflowId = newId();
        const handle = await client.workflow.start(workflows.oneOfEach, { workflowId, taskQueue });
        await assert.rejects(handle.executeUpdate(workflows.change, { args: ["bad"] }), (error: Error) =>
          /refused: bad seen/.test(String(error.cause)),
        );
        const asked = await handle.query(workflows.seen, "me");
        assert.deepEqual(asked.slice(-2), ["asked by unmarked", "answered"]);
        assert.equal(await handle.executeUpdate(workflows.change, { args: ["me"] }), "update by unmarked, done");
        const result = await handle.result();
        assert.equal(result[0], "started by continue-as-new");
        assert.deepEqual(
          result.slice(1).toSorted(),
          [
            "activity for oneOfEach, attempt 1, false (scheduled)",
            "local for oneOfEach, attempt 1, true (scheduled)",
            "child gave x, parent signalled by itself",
            "update by unmarked",
          ].toSorted(),
        );
        const history = await client.workflow.getHandle(workflowId).fetchHistory();
        const timer = history.events.find(({ timerStartedEventAttributes: each }) => each);
        assert.equal(timer?.timerStartedEventAttributes?.startToFireTimeout?.nanos, 6_000_000);
        assert.ok(timer?.userMetadata?.summary);
        assert.equal(defaultPayloadConverter.fromPayload(timer.userMetadata.summary), "marked");
        await Worker.runReplayHistory({ workflowsPath, interceptors: { workflowModules } }, history);
      });
    });
  }

  test("a module that exports none fails the workflow task, and its path is named", async () => {
    const modules = { workflowModules: [workflowsPath] };
    await withWorker({ interceptors: modules }, async (taskQueue) => {
      const options = { workflowId: newId(), taskQueue, args: ["x"] as [string] };
      const handle = await target.client.workflow.start(workflows.child, options);
      for (;;) {
        const { events } = await handle.fetchHistory();
        const failed = events.find(({ workflowTaskFailedEventAttributes: each }) => each);
        if (!failed) continue;
        const { message } = failed.workflowTaskFailedEventAttributes!.failure!;
        assert.match(message, /workflows\.ts must export a function named interceptors/);
        return await handle.terminate();
      }
    });
  });
});

describe("what workflows and activities say", () => {
  test("goes out once, with who says it, however often the run is replayed", async () => {
    const lines: LogEntry[] = [];
    const notes: unknown[][] = [];
    const always: string[] = [];
    const sinks: InjectedSinks<JournalSinks> = {
      journal: {
        note: {
          fn: (info, text, value) => {
            notes.push([info.workflowType, text, value]);
          },
        },
        always: {
          fn: (_, text) => {
            always.push(text);
            throw new Error("a sink's error is no workflow's");
          },
          callDuringReplay: true,
        },
      },
    };
    const options = {
      ...{ sinks, maxCachedWorkflows: 0, interceptors: { workflowModules, activity: [marking] } },
      logger: new DefaultLogger("INFO", (entry) => lines.push(entry)),
    };
    buffer.retrieveUpdates();
    const workflowId = newId();
    await withWorker(options, async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.talks, { workflowId, taskQueue });
      await handle.result();
      const said = lines.filter(({ message }) => ["first", "second", "echo"].includes(message));
      assert.deepEqual(
        said.map(({ message, meta }) => [message, meta?.["workflowId"], meta?.["added"], meta?.["own"]]),
        [
          ["first", workflowId, "by outbound", 1],
          ["echo", workflowId, "by activity", undefined],
          ["second", workflowId, "by outbound", undefined],
        ],
      );
      assert.equal(said[0]?.meta?.["taskQueue"], taskQueue);
      const own = [...buffer.retrieveUpdates()].filter(({ metric }) => ["talks", "echoed"].includes(metric.name));
      assert.deepEqual(
        own.map(({ metric, value, attributes }) => [metric.name, value, attributes["added"], attributes["extra"]]),
        [
          ["talks", 2, "tag", "yes"],
          ["echoed", "between for talks".length, "by activity", undefined],
        ],
      );
    });
    assert.deepEqual(notes, [
      ["talks", "before", { deep: [1] }],
      ["talks", "after", {}],
    ]);
    assert.deepEqual(always, ["after", "after"], "asked for during replay, it is called then too");
    assert.ok(lines.some(({ message, level }) => level === "ERROR" && message === "A sink function failed"));
  });

  test("a sink that the worker does not have is named in its log", async () => {
    const lines: LogEntry[] = [];
    const logger = new DefaultLogger("WARN", (entry) => lines.push(entry));
    await withWorker({ logger }, (taskQueue) =>
      target.client.workflow.execute(workflows.talks, { workflowId: newId(), taskQueue }),
    );
    assert.equal(lines[0]?.meta?.["sink"], "journal.note");
  });
});
