/** What operators do to workflows: reset them, put off their start, delete them, and move them between versions of their workers. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { WorkflowHandle } from "@temporalio/client";
import { WorkflowNotFoundError } from "@temporalio/common";
import { Worker } from "@temporalio/worker";
import * as workflows from "./controlling-workflows.ts";
import { type Context, count, eventsOf, eventually, one, rejection, type Scenario, timeMs } from "./harness.ts";

async function reset(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const { namespace } = client.options;
  const base = await client.workflow.start(workflows.journey, { workflowId: context.newId(), taskQueue });
  const { workflowId, firstExecutionRunId } = base;
  const seen = async (handle: typeof base, expected: string[]) => {
    const sorted = async () => [...(await handle.query(workflows.stops))].sort();
    await eventually(async () => `${await sorted()}` === `${expected.sort()}`, `the stops are ${expected}`);
  };
  await seen(base, ["first"]);
  const completed = (await eventsOf(base)).filter((event) => event.workflowTaskCompletedEventAttributes).at(-1)!;
  await base.signal(workflows.note, "signalled");
  assert.equal(await base.executeUpdate(workflows.change, { args: ["changed"], updateId: "the-change" }), 3);
  const { runId } = await client.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: { workflowId, runId: firstExecutionRunId },
    reason: "wrong turn",
    workflowTaskFinishEventId: completed.eventId!,
    requestId: "the-reset",
  });

  const before = client.workflow.getHandle<typeof workflows.journey>(workflowId, firstExecutionRunId);
  assert.equal((await before.describe()).status.name, "TERMINATED");
  const again = client.workflow.getHandle<typeof workflows.journey>(workflowId, runId);
  await seen(again as typeof base, ["first", "signalled", "changed"]);
  // The update is answered anew, under its id.
  const repeated = await again.executeUpdate(workflows.change, { args: ["not asked again"], updateId: "the-change" });
  assert.ok(repeated <= 3, `${repeated} stops when the update was answered`);
  await again.signal(workflows.arrive);
  await client.workflow.getHandle(`${workflowId}-companion`).signal(workflows.tell);
  assert.deepEqual((await again.result()).sort(), ["changed", "companion", "first", "signalled"]);
  assert.equal(count(await eventsOf(again), "WORKFLOW_EXECUTION_UPDATE_ADMITTED"), 1);
  const histories = [before, again].map(async (run) => ({ workflowId, history: await run.fetchHistory() }));
  const { workflowBundle } = context;
  for await (const { error } of Worker.runReplayHistories({ workflowBundle }, await Promise.all(histories)))
    assert.equal(error, undefined);
}

async function delayAndDelete(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const { namespace } = client.options;
  const startDelay = 1_500;
  const handle = await client.workflow.start(workflows.companion, {
    ...{ workflowId: context.newId(), taskQueue, startDelay },
  });
  const { workflowId } = handle;
  await eventually(async () => count(await eventsOf(handle), "WORKFLOW_TASK_COMPLETED") === 1, "its delay is over");
  const events = await eventsOf(handle);
  const waitedMs = timeMs(one(events, "WORKFLOW_TASK_SCHEDULED")) - timeMs(events[0]!);
  assert.ok(waitedMs >= startDelay, `waited ${waitedMs} ms`);
  await handle.signal(workflows.tell);
  assert.equal(await handle.result(), "companion");

  await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } });
  const isGone = async () => {
    const found = await handle.describe().catch((error: unknown) => error);
    return found instanceof WorkflowNotFoundError;
  };
  await eventually(isGone, "it is gone");
  await rejection(WorkflowNotFoundError, handle.signal(workflows.tell));
  const query = `WorkflowId = '${workflowId}'`;
  await eventually(async () => (await client.workflow.count(query)).count === 0, "no list has it");
}

type Building = WorkflowHandle<typeof workflows.moving>;

/** Workers of one deployment, and where it sends their work. */
class Deployment {
  readonly #context: Context;
  readonly name = `typescript-${randomUUID()}`;

  constructor(context: Context) {
    this.#context = context;
  }

  version(buildId: string) {
    return { deploymentName: this.name, buildId };
  }

  worker(buildId: string): Promise<Worker> {
    const { connection, workflowBundle, client } = this.#context;
    return Worker.create({
      ...{ connection, workflowBundle, namespace: client.options.namespace, taskQueue: this.name },
      activities: { whichBuild: () => Promise.resolve(buildId) },
      workerDeploymentOptions: {
        version: this.version(buildId),
        useWorkerVersioning: true,
        defaultVersioningBehavior: "PINNED",
      },
    });
  }

  /** A version is known some moments after its first worker has come, and the reference server tells its queues in its own time. */
  async setCurrent(buildId: string): Promise<void> {
    const { client } = this.#context;
    const { namespace } = client.options;
    const current = async (taskQueueType: number) =>
      (await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: this.name }, taskQueueType }))
        .versioningInfo?.currentDeploymentVersion?.buildId;
    const request = { namespace, deploymentName: this.name, buildId };
    await eventually(async () => {
      await client.workflowService.setWorkerDeploymentCurrentVersion(request).catch(() => undefined);
      return (await current(1)) === buildId && (await current(2)) === buildId;
    }, `build ${buildId} is current`);
  }

  start(workflow: typeof workflows.moving, pinnedTo?: string): Promise<Building> {
    return this.#context.client.workflow.start(workflow, {
      ...{ workflowId: this.#context.newId(), taskQueue: this.name },
      ...(pinnedTo !== undefined && { versioningOverride: { pinnedTo: this.version(pinnedTo) } }),
    });
  }
}

async function buildsAre(handle: Building, expected: string): Promise<void> {
  await eventually(async () => `${await handle.query(workflows.builds)}` === expected, `its builds are ${expected}`);
}

async function workerVersions(context: Context): Promise<void> {
  const { client } = context;
  const deployment = new Deployment(context);
  const [one, two] = [await deployment.worker("1"), await deployment.worker("2")];
  await one.runUntil(
    two.runUntil(async () => {
      await deployment.setCurrent("1");
      const [staying, moving, held] = await Promise.all([
        deployment.start(workflows.staying),
        deployment.start(workflows.moving),
        deployment.start(workflows.moving),
      ]);
      for (const handle of [staying, moving, held]) await buildsAre(handle, "1");
      // What an operator says of one workflow wins over its code, until he takes it back.
      const pinned = { behavior: 1, version: deployment.version("1") };
      const override = (versioningOverride: { pinned: typeof pinned } | undefined) =>
        client.workflowService.updateWorkflowExecutionOptions({
          namespace: client.options.namespace,
          workflowExecution: { workflowId: held.workflowId },
          workflowExecutionOptions: { versioningOverride: versioningOverride ?? null },
          updateMask: { paths: ["versioning_override"] },
        });
      await override({ pinned });
      await deployment.setCurrent("2");
      for (const handle of [staying, moving, held]) await handle.signal(workflows.go, "on");
      await buildsAre(staying, "1,1");
      await buildsAre(moving, "1,2");
      await buildsAre(held, "1,1");
      await override(undefined);
      await held.signal(workflows.go, "on");
      await buildsAre(held, "1,1,2");
      const pinnedFromStart = await deployment.start(workflows.moving, "1");
      await buildsAre(pinnedFromStart, "1");
      for (const handle of [staying, moving, held, pinnedFromStart]) await handle.signal(workflows.go, "end");
      const results = await Promise.all([staying, moving, held, pinnedFromStart].map((handle) => handle.result()));
      assert.deepEqual(results, [["1", "1"], ["1", "2"], ["1", "1", "2"], ["1"]]);
    }),
  );
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  reset,
  "delay-and-delete": delayAndDelete,
  "worker-versions": workerVersions,
};
