/** A run and the versions of its workers, command by command. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, workflow as wire, workflowservice } from "@pawl/protocol";
import { Rejection } from "../rejection.ts";
import type { DeploymentVersion } from "../state/versioning.ts";
import { commands, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";
import { effectiveVersion, type Routing } from "./versioning.ts";

const { ContinueAsNewVersioningBehavior, VersioningBehavior, WorkerVersioningMode } = enums;
const { AUTO_UPGRADE, PINNED, UNSPECIFIED } = VersioningBehavior;

const v1 = { deploymentName: "d", buildId: "1" };
const v2 = { deploymentName: "d", buildId: "2" };
const options = (version: DeploymentVersion) => ({ ...version, workerVersioningMode: WorkerVersioningMode.VERSIONED });

/** All queues lead to the version; all versions poll all queues but "elsewhere". */
function leadingTo(version: DeploymentVersion | null, revision = 1): Routing {
  return { target: () => ({ version, revision }), has: ({ taskQueue }) => taskQueue !== "elsewhere" };
}

/** A run that version 1 has begun, and whose queue leads to version 2 by now. */
function begun(versioningBehavior: enums.VersioningBehavior): ScriptedWorkflow {
  const workflow = new ScriptedWorkflow();
  workflow.routing = leadingTo(v1);
  workflow.start();
  const task = workflow.pollTask({ version: v1 });
  workflow.complete(task, [commands.activity("a")], { versioningBehavior, deploymentOptions: options(v1) });
  workflow.routing = leadingTo(v2, 2);
  return workflow;
}

describe("a task names", () => {
  test("the version of its run, and whether it is pinned", () => {
    const [pinned] = begun(PINNED).tasks;
    assert.deepEqual(pinned?.versioning, { pinned: true, version: v1, toRamping: false });
    const [upgrading] = begun(AUTO_UPGRADE).tasks;
    assert.deepEqual(upgrading?.versioning, { pinned: false, version: v1, toRamping: false });
  });

  test("nothing of it while no deployment has to do with the run", () => {
    const workflow = new ScriptedWorkflow();
    workflow.start();
    workflow.complete(workflow.pollTask(), [commands.activity("a")]);
    assert.equal(workflow.tasks[0]?.versioning, undefined);
    assert.equal(workflow.run().versioning, null);
  });
});

describe("a run in transition", () => {
  test("belongs to the version that took its task, and starts no activities until that has completed", () => {
    const workflow = begun(AUTO_UPGRADE);
    workflow.signal("go");
    const activity = workflow.tasks.find(({ kind }) => kind === "activity")!;
    const task = workflow.pollTask({ version: v2 });
    assert.deepEqual(effectiveVersion(workflow.run().versioning), v2);
    const poller = { identity: "w", requestId: "r", deploymentVersion: v2 };
    assert.ok(workflow.try({ type: "startActivityTask", ...activity, poller }) instanceof Rejection);
    workflow.tasks = [];
    workflow.complete(task, [], { versioningBehavior: AUTO_UPGRADE, deploymentOptions: options(v2) });
    assert.deepEqual(workflow.tasks[0]?.versioning, { pinned: false, version: v2, toRamping: false });
    assert.equal(workflow.pollActivity(v2).activityId, "a");
    assert.equal(workflow.run().versioning?.revision, 2);
  });

  test("keeps its activities back over a failed task, and goes on when the next one completes", () => {
    const workflow = begun(AUTO_UPGRADE);
    workflow.signal("go");
    workflow.failTask(workflow.pollTask({ version: v2 }));
    workflow.tasks = workflow.tasks.filter(({ kind }) => kind === "workflow");
    const task = workflow.pollTask({ version: v2 });
    workflow.complete(task, [], { versioningBehavior: PINNED, deploymentOptions: options(v2) });
    assert.equal(workflow.pollActivity(v2).activityId, "a");
  });

  test("was sent there by an activity: the workflow task that an old worker holds is followed by one for the new", () => {
    const workflow = begun(AUTO_UPGRADE);
    workflow.signal("go");
    const held = workflow.pollTask({ version: v1 });
    assert.equal(workflow.tryActivity(v2), undefined);
    workflow.complete(held, [], { versioningBehavior: AUTO_UPGRADE, deploymentOptions: options(v1) });
    assert.deepEqual(workflow.run().versioning?.transition, { version: v2 });
    const task = workflow.pollTask({ version: v2 });
    workflow.complete(task, [], { versioningBehavior: AUTO_UPGRADE, deploymentOptions: options(v2) });
    assert.equal(workflow.pollActivity(v2).activityId, "a");
  });

  test("may go back to workers without a version", () => {
    const workflow = begun(AUTO_UPGRADE);
    workflow.routing = leadingTo(null, 3);
    workflow.signal("go");
    const task = workflow.pollTask();
    assert.deepEqual(workflow.run().versioning?.transition, { version: null });
    workflow.tasks = [];
    workflow.complete(task);
    assert.deepEqual([workflow.run().versioning?.behavior, workflow.run().versioning?.version], [UNSPECIFIED, null]);
    assert.equal(workflow.pollActivity().activityId, "a");
  });
});

test("an activity of a deployment of its own does not move its run", () => {
  const workflow = begun(AUTO_UPGRADE);
  workflow.routing = leadingTo(v1);
  assert.equal(workflow.pollActivity({ deploymentName: "other", buildId: "9" }).activityId, "a");
  assert.equal(workflow.run().versioning?.transition, null);
});

describe("a pinned run", () => {
  test("is not moved by whoever takes a task of it", () => {
    const workflow = begun(PINNED);
    workflow.signal("go");
    workflow.pollTask({ version: v1 });
    assert.equal(workflow.pollActivity(v2).activityId, "a");
    assert.deepEqual(effectiveVersion(workflow.run().versioning), v1);
  });

  test("tells its worker of a newer target once it differs, and not again in the run that declined it", () => {
    const workflow = begun(PINNED);
    workflow.signal("go");
    const task = workflow.pollTask({ version: v1 });
    const started = () => workflow.events().findLast((event) => event.workflowTaskStartedEventAttributes);
    const told = () => started()?.workflowTaskStartedEventAttributes?.targetWorkerDeploymentVersionChanged;
    assert.equal(told(), true);
    workflow.complete(task, [commands.continueAsNew()], { versioningBehavior: PINNED, deploymentOptions: options(v1) });
    const first = workflow.events()[0]?.workflowExecutionStartedEventAttributes;
    assert.deepEqual({ ...first?.inheritedPinnedVersion }, v1);
    assert.deepEqual({ ...first?.declinedTargetVersionUpgrade?.deploymentVersion }, v2);
    workflow.nowMs += 2_000;
    if (workflow.wakeAtMs() !== null && workflow.tasks.every(({ kind }) => kind !== "workflow"))
      workflow.do({ type: "wake", runId: workflow.currentRunId! });
    workflow.pollTask({ version: v1 });
    assert.equal(told(), false);
  });

  test("tells of a target that it has declined again, once that was not the target meanwhile", () => {
    const workflow = begun(PINNED);
    const told = () => {
      workflow.signal("go");
      const task = workflow.pollTask({ version: v1 });
      workflow.complete(task, [], { versioningBehavior: PINNED, deploymentOptions: options(v1) });
      return workflow
        .events()
        .flatMap(({ workflowTaskStartedEventAttributes: started }) => started ?? [])
        .at(-1)?.targetWorkerDeploymentVersionChanged;
    };
    assert.equal(told(), true);
    workflow.signal("go");
    workflow.complete(workflow.pollTask({ version: v1 }), [commands.continueAsNew()], {
      versioningBehavior: PINNED,
      deploymentOptions: options(v1),
    });
    workflow.nowMs += 2_000;
    workflow.do({ type: "wake", runId: workflow.currentRunId! });
    assert.equal(told(), false);
    workflow.routing = leadingTo(v1, 3);
    assert.equal(told(), false);
    workflow.routing = leadingTo(v2, 4);
    assert.equal(told(), true);
  });

  test("may upgrade when it continues as new", () => {
    for (const initialVersioningBehavior of [
      ContinueAsNewVersioningBehavior.AUTO_UPGRADE,
      ContinueAsNewVersioningBehavior.USE_RAMPING_VERSION,
    ]) {
      const workflow = begun(PINNED);
      workflow.signal("go");
      const command = commands.continueAsNew({ initialVersioningBehavior });
      workflow.complete(workflow.pollTask({ version: v1 }), [command], {
        versioningBehavior: PINNED,
        deploymentOptions: options(v1),
      });
      const { versioning } = workflow.run();
      assert.deepEqual([versioning?.behavior, versioning?.version, versioning?.declined], [AUTO_UPGRADE, v1, null]);
      assert.equal(versioning?.initialBehavior, initialVersioningBehavior);
    }
  });

  test("does not follow its chain to a queue that its version does not poll", () => {
    const workflow = begun(PINNED);
    workflow.signal("go");
    const command = commands.continueAsNew({ taskQueue: { name: "elsewhere" } });
    workflow.complete(workflow.pollTask({ version: v1 }), [command], {
      versioningBehavior: PINNED,
      deploymentOptions: options(v1),
    });
    assert.equal(workflow.run().versioning, null);
  });
});

describe("an override of a running run", () => {
  const setOverride = (workflow: ScriptedWorkflow, versioningOverride: wire.VersioningOverride | undefined) =>
    workflow.do({
      type: "updateOptions",
      request: workflowservice.UpdateWorkflowExecutionOptionsRequest.create({
        workflowExecutionOptions: wire.WorkflowExecutionOptions.create({ versioningOverride }),
        updateMask: { paths: ["versioning_override"] },
      }),
    });
  const pinnedTo = (version: DeploymentVersion) =>
    wire.VersioningOverride.create({
      pinned: { behavior: wire.VersioningOverride_PinnedOverrideBehavior.PINNED, version },
    });

  test("brings its waiting tasks to the other version, and back when it is lifted", () => {
    const workflow = begun(PINNED);
    workflow.signal("go");
    for (const [override, version] of [
      [pinnedTo(v2), v2],
      [undefined, v1],
    ] as const) {
      workflow.tasks = [];
      setOverride(workflow, override);
      const brought = workflow.tasks.map(({ kind, versioning }) => [kind, versioning?.pinned, versioning?.version]);
      assert.deepEqual(brought.sort(), [
        ["activity", true, version],
        ["workflow", true, version],
      ]);
    }
  });

  test("holds for the task that follows one of the old version, which gets it neither with its answer nor on its sticky queue", () => {
    const workflow = begun(AUTO_UPGRADE);
    workflow.signal("go");
    const held = workflow.pollTask({ version: v1 });
    setOverride(workflow, pinnedTo(v2));
    workflow.signal("and on");
    workflow.tasks = [];
    const reply = workflow.complete(held, [], {
      versioningBehavior: AUTO_UPGRADE,
      deploymentOptions: options(v1),
      returnNewWorkflowTask: true,
      stickyAttributes: { workerTaskQueue: { name: "sticky" }, scheduleToStartTimeout: { seconds: 10, nanos: 0 } },
    });
    assert.ok(!(reply instanceof Rejection));
    assert.equal(reply.newTask, undefined);
    const next = workflow.tasks.find(({ kind }) => kind === "workflow");
    assert.deepEqual([next?.stickyQueue, next?.versioning?.version], [undefined, v2]);
  });

  test("for one task is that of children, too, where its version polls their queue", () => {
    const workflow = begun(PINNED);
    workflow.signal("go");
    const held = workflow.pollTask({ version: v1 });
    setOverride(workflow, wire.VersioningOverride.create({ oneTime: { targetDeploymentVersion: v2 } }));
    const child = (workflowId: string, queue: string) => ({
      commandType: enums.CommandType.START_CHILD_WORKFLOW_EXECUTION,
      startChildWorkflowExecutionCommandAttributes: {
        workflowId,
        workflowType: { name: "Child" },
        taskQueue: { name: queue },
      },
    });
    workflow.complete(held, [child("near", ""), child("far", "elsewhere")], {
      versioningBehavior: PINNED,
      deploymentOptions: options(v1),
    });
    const once = { type: "oneTime", version: v2 };
    assert.deepEqual(
      workflow.messages.map(({ message }) => message.type === "startChild" && message.heirloom?.override),
      [once, null],
    );
    assert.deepEqual(workflow.run().versioning?.override, once);
  });

  test("leaves the tasks alone when it changes nothing about where they go", () => {
    const workflow = begun(PINNED);
    workflow.signal("go");
    workflow.tasks = [];
    setOverride(workflow, pinnedTo(v1));
    assert.deepEqual(workflow.tasks, []);
    const written = workflow.events().length;
    setOverride(workflow, pinnedTo(v1));
    assert.equal(workflow.events().length, written);
  });
});

test("a run that has ended is of its version still", () => {
  const workflow = begun(PINNED);
  workflow.signal("go");
  workflow.complete(workflow.pollTask({ version: v1 }), [commands.completeWorkflow()], {
    versioningBehavior: PINNED,
    deploymentOptions: options(v1),
  });
  assert.deepEqual(workflow.run().versioning?.version, v1);
});
