/** What a worker is told beside its code: versions, pollers, slots, dynamic workflows, eager starts, errors that fail a workflow. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { activityInfo, getClient } from "@pawl/sdk/activity";
import { CallFailed, WorkflowFailedError } from "@pawl/sdk/client";
import { ApplicationFailure } from "@pawl/sdk/common";
import { type PatchActivationCallback, Worker, type WorkerPlugin } from "@pawl/sdk/worker";
import * as workflows from "./deployment/workflows.ts";
import { isReference, newId, newWorker, workflowsPath as othersPath, useTarget } from "./target.ts";
import * as others from "./workflows.ts";

const target = useTarget();
const workflowsPath = fileURLToPath(new URL("./deployment/workflows.ts", import.meta.url));

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** A server without deployments says so by its answer. */
async function hasDeployments(): Promise<boolean> {
  return await target.connection.call("ListWorkerDeployments", { namespace: "default" }).then(
    () => true,
    (error) => !(error instanceof CallFailed && error.code === 12),
  );
}

describe("a versioned worker", () => {
  test("registers its version, and its workflows say how they are versioned", async (t) => {
    if (!(await hasDeployments())) return t.skip("this server has no deployments yet");
    const version = { deploymentName: newId("deployment"), buildId: "1.0" };
    const options = { version, useWorkerVersioning: true, defaultVersioningBehavior: "AUTO_UPGRADE" } as const;
    const worker = await newWorker(target, { workflowsPath, activities: {}, workerDeploymentOptions: options });
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const request = { namespace: "default", ...version, identity: "test", ignoreMissingTaskQueues: true };
      // It is known once its first polls have arrived.
      await until(async () =>
        target.connection.call("SetWorkerDeploymentCurrentVersion", request, { retry: false }).then(
          () => true,
          () => false,
        ),
      );
      for (const [workflow, behavior] of [
        [workflows.pinned, 1],
        [workflows.byDefault, 2],
      ] as const) {
        const handle = await target.client.workflow.start(workflow, { workflowId: newId(), taskQueue });
        await handle.result();
        const { events } = await handle.fetchHistory();
        const completed = events.find((each) => each.workflowTaskCompletedEventAttributes);
        const { versioningBehavior, deploymentVersion } = completed!.workflowTaskCompletedEventAttributes!;
        assert.equal(versioningBehavior, behavior);
        assert.deepEqual({ ...deploymentVersion }, version);
      }
      const options = { workflowId: newId(), taskQueue, args: [2] as [number] };
      const upgraded = await target.client.workflow.start(workflows.upgrades, options);
      assert.deepEqual(await upgraded.result(), {
        ...{ currentDeploymentVersion: version, isOriginal: true, continueAsNewSuggested: false },
        ...{ suggestedContinueAsNewReasons: [], targetWorkerDeploymentVersionChanged: false },
      });
      const last = await target.client.workflow.getHandle(options.workflowId).fetchHistory();
      const started = last.events[0]?.workflowExecutionStartedEventAttributes;
      assert.equal(started?.inheritedAutoUpgradeInfo?.continueAsNewInitialVersioningBehavior, 1);
      const first = await target.client.workflow
        .getHandle(options.workflowId, upgraded.firstExecutionRunId)
        .fetchHistory();
      const continued = first.events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes;
      assert.equal(continued?.backoffStartInterval?.nanos, 1_000_000);
      // In the same version again, though no worker says so.
      await Worker.runReplayHistory({ workflowsPath }, last);
    });
  });

  for (const [what, options, expected] of [
    [
      "without a build id",
      { version: { deploymentName: "d" }, useWorkerVersioning: false },
      /version\.buildId is missing/,
    ],
    [
      "without a behavior",
      { version: { deploymentName: "d", buildId: "b" }, useWorkerVersioning: true },
      /defaultVersioningBehavior must be PINNED or AUTO_UPGRADE/,
    ],
  ] as const) {
    test(`${what} is refused`, async () => {
      await assert.rejects(newWorker(target, { workerDeploymentOptions: options as never }), expected);
    });
  }
});

/** The same workflows, and one of them for all types that have none of their own: the default export. */
async function withDefault(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pawl-default-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "workflows.ts");
  const from = JSON.stringify(workflowsPath);
  await writeFile(path, `export * from ${from};\nexport { dynamic as ${"default"} } from ${from};\n`);
  return path;
}

test("workflows and activities without one of their own are done by the default ones", async (t) => {
  const workflowsPath = await withDefault(t);
  const activities = {
    default: async (n: number) => `${activityInfo().activityType} ${n}`,
  };
  const worker = await newWorker(target, { workflowsPath, activities });
  const options = { workflowId: newId(), taskQueue: worker.options.taskQueue, args: ["a", { b: 1 }] };
  const result = await worker.runUntil(target.client.workflow.execute("unheardOf", options));
  assert.deepEqual(result, ["unheardOf", ["a", { b: 1 }], "anything 1"]);
});

describe("an error that is no failure fails the workflow", () => {
  test("when the workflow says so", async () => {
    const worker = await newWorker(target, { workflowsPath });
    const options = { workflowId: newId(), taskQueue: worker.options.taskQueue };
    await worker.runUntil(
      assert.rejects(target.client.workflow.execute(workflows.refuses, options), (error: unknown) => {
        assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
        assert.equal(error.cause.type, "Refusal");
        return true;
      }),
    );
  });

  for (const [types, workflow] of [
    [{ breaks: ["TypeError"] }, workflows.breaks],
    [{ "*": ["Error"] }, workflows.breaks],
  ] as const) {
    test(`when the worker says so: ${JSON.stringify(types)}`, async () => {
      const worker = await newWorker(target, { workflowsPath, workflowFailureErrorTypes: types as never });
      const options = { workflowId: newId(), taskQueue: worker.options.taskQueue };
      await worker.runUntil(assert.rejects(target.client.workflow.execute(workflow, options), WorkflowFailedError));
      const history = await target.client.workflow.getHandle(options.workflowId).fetchHistory();
      await Worker.runReplayHistory({ workflowsPath, workflowFailureErrorTypes: types as never }, history);
      await assert.rejects(Worker.runReplayHistory({ workflowsPath }, history), "without it the replay fails");
    });
  }
});

test("an activity gets a client of its worker's server", async () => {
  const activities = {
    anything: async () => {
      const { workflowId } = activityInfo().workflowExecution;
      return (await getClient().workflow.getHandle(workflowId).describe()).type;
    },
  };
  const worker = await newWorker(target, { workflowsPath, activities });
  const options = { workflowId: newId(), taskQueue: worker.options.taskQueue, args: [1] };
  const result = await worker.runUntil(
    target.client.workflow.execute<(...args: unknown[]) => Promise<unknown[]>>("dynamic", options),
  );
  assert.equal(result[2], "dynamic");
});

test("a workflow that is started where its worker runs begins at once, without a poll", async () => {
  const worker = await newWorker(target, { workflowsPath });
  const { taskQueue } = worker.options;
  await worker.runUntil(async () => {
    const options = { workflowId: newId(), taskQueue, requestEagerStart: true };
    const handle = await target.client.workflow.start(workflows.byDefault, options);
    assert.equal(await handle.result(), "by default");
    const { events } = await handle.fetchHistory();
    const isEager = events[0]?.workflowExecutionStartedEventAttributes?.eagerExecutionAccepted;
    assert.equal(handle.eagerlyStarted, isEager, "what the caller is told is what history says");
    if (isReference) assert.equal(isEager, true);
    const elsewhere = { ...options, workflowId: newId(), taskQueue: newId("elsewhere") };
    const other = await target.client.workflow.start(workflows.byDefault, elsewhere);
    assert.equal(other.eagerlyStarted, false);
    await other.terminate();
  });
});

test("a worker whose pollers and slots scale does its work", async () => {
  const autoscaling = { type: "autoscaling", minimum: 1, initial: 1, maximum: 4 } as const;
  const worker = await newWorker(target, {
    workflowTaskPollerBehavior: autoscaling,
    activityTaskPollerBehavior: autoscaling,
    tuner: { tunerOptions: { targetMemoryUsage: 0.99, targetCpuUsage: 1 } },
  });
  const { taskQueue } = worker.options;
  const results = await worker.runUntil(
    Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        target.client.workflow.execute(others.greeting, { workflowId: newId(), taskQueue, args: [String(i)] }),
      ),
    ),
  );
  assert.equal(new Set(results).size, 30);
});

test("a worker that may do so many activities a second does no more", async () => {
  const worker = await newWorker(target, {
    maxActivitiesPerSecond: 20,
    maxEagerActivityReservationsPerWorkflowTask: 0,
  });
  const { taskQueue } = worker.options;
  const from = performance.now();
  await worker.runUntil(
    Promise.all(
      Array.from({ length: 20 }, () =>
        target.client.workflow.execute(others.greeting, { workflowId: newId(), taskQueue, args: ["x"] }),
      ),
    ),
  );
  assert.ok(performance.now() - from > 600, `${performance.now() - from} ms`);
});

test("plugins configure a worker and stand around its run", async () => {
  const seen: string[] = [];
  const plugin = (name: string): WorkerPlugin => ({
    name,
    configureWorker: async (options) => ({ ...options, identity: `${options.identity ?? ""}${name}` }),
    runWorker: async (worker, next) => {
      seen.push(`${name} before`);
      await next(worker);
      seen.push(`${name} after`);
    },
  });
  const worker = await newWorker(target, { plugins: [plugin("a"), plugin("b")] });
  assert.equal(worker.options.identity, "ab");
  await worker.runUntil(Promise.resolve());
  assert.deepEqual(seen, ["a before", "b before", "b after", "a after"]);
});

test("a worker shows up in the list of workers", async (t) => {
  const { connection } = target;
  const { namespaceInfo } = await connection.call("DescribeNamespace", { namespace: "default" });
  if (!namespaceInfo?.capabilities?.workerHeartbeats) return t.skip("this server takes no heartbeats of workers");
  const worker = await newWorker(target);
  const { taskQueue, identity } = worker.options;
  const listed = async () => {
    const { workersInfo } = await connection.call("ListWorkers", {
      namespace: "default",
      query: `TaskQueue = '${taskQueue}'`,
    });
    return workersInfo.map(({ workerHeartbeat }) => workerHeartbeat);
  };
  await worker.runUntil(async () => {
    await until(async () => (await listed()).length > 0);
    const [info] = await listed();
    assert.deepEqual([info?.workerIdentity, info?.taskQueue], [identity, taskQueue]);
    assert.equal(info?.activityTaskSlotsInfo?.slotSupplierKind, "Fixed");
  });
});

test("a worker is asked whether a patch is to be active, once for each run and never for one that is replayed", async () => {
  const asked: string[] = [];
  const patchActivationCallback: PatchActivationCallback = ({ workflowInfo, patchId }) => {
    asked.push(`${workflowInfo.workflowType} ${patchId}`);
    return false;
  };
  // Without a cache every task replays the run from its beginning.
  const worker = await newWorker(target, { patchActivationCallback, maxCachedWorkflows: 0 });
  const { taskQueue } = worker.options;
  await worker.runUntil(async () => {
    const handle = await target.client.workflow.start(others.patches, { workflowId: newId(), taskQueue });
    assert.equal(await handle.result(), "old old");
    await Worker.runReplayHistory({ workflowsPath: othersPath }, await handle.fetchHistory());
  });
  assert.deepEqual(asked, ["patches first"]);
});

test("two workers share a process and a connection", async () => {
  const first = await newWorker(target);
  const second = await newWorker(target);
  const run = (worker: Worker, name: string) =>
    target.client.workflow.execute(others.greeting, {
      workflowId: newId(),
      taskQueue: worker.options.taskQueue,
      args: [name],
    });
  const results = await first.runUntil(() => second.runUntil(() => Promise.all([run(first, "1"), run(second, "2")])));
  assert.deepEqual(results, ["Hello, 1!", "Hello, 2!"]);
});
