/** Worker deployments: what callers are told, and how runs keep to their versions or move. */
import { setTimeout as delay } from "node:timers/promises";
import { enums, type Init, type MethodName, type RequestOf } from "@pawl/protocol";
import { Deployed } from "./deployed.ts";
import { activity, child, complete, continueAsNew, fail, seconds, timer } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const { ContinueAsNewVersioningBehavior: Initially, VersioningBehavior, WorkerVersioningMode } = enums;
const { AUTO_UPGRADE, PINNED, UNSPECIFIED } = VersioningBehavior;
const namespace = "default";
/** So long after its start a run is followed by the next without a delay. */
const chainIntervalMs = 1_100;
const changedWithinMs = 400;
const pinnedOverride = (version: { deploymentName: string; buildId: string }) => ({
  pinned: { behavior: 1 as const, version },
});

export const deploymentStories: readonly Story[] = [
  story("deployment-unknown", "what is asked of a deployment that there is not", async (s) => {
    const deploymentName = s.name;
    const deploymentVersion = { deploymentName, buildId: "1" };
    await s.attempt("DescribeWorkerDeployment", { namespace, deploymentName });
    await s.attempt("DescribeWorkerDeploymentVersion", { namespace, deploymentVersion });
    await s.attempt("SetWorkerDeploymentCurrentVersion", { namespace, deploymentName, buildId: "1" });
    await s.attempt("SetWorkerDeploymentRampingVersion", { namespace, deploymentName, buildId: "1", percentage: 1 });
    await s.attempt("DeleteWorkerDeployment", { namespace, deploymentName });
    await s.attempt("CreateWorkerDeploymentVersion", { namespace, deploymentVersion, requestId: "r" });
  }),

  story("deployment-bad-names", "names of deployments and builds that cannot be", async (s) => {
    const long = "x".repeat(481);
    for (const deploymentName of ["", "a.b", "a:b", "__a", long])
      await s.attempt("DescribeWorkerDeployment", { namespace, deploymentName });
    for (const [deploymentName, buildId] of [
      ["", "1"],
      ["a", ""],
      ["a", "__1"],
      ["a", long],
    ] as const)
      await s.attempt("DescribeWorkerDeploymentVersion", { namespace, deploymentVersion: { deploymentName, buildId } });
    await s.attempt("DescribeWorkerDeploymentVersion", { namespace });
    for (const version of ["abc", ".b", "a.", `${s.name}.1`])
      await s.attempt("DescribeWorkerDeploymentVersion", { namespace, version });
    for (const [deploymentName, buildId] of [
      ["", "1"],
      ["a", ""],
      ["a.b", "1"],
      ["a:b", "1"],
      ["__a", "1"],
      ["a", "__1"],
      [long, "1"],
      ["a", long],
    ] as const) {
      const deploymentOptions = { deploymentName, buildId, workerVersioningMode: WorkerVersioningMode.VERSIONED };
      await s.attempt("PollWorkflowTaskQueue", { namespace, taskQueue: { name: s.name }, deploymentOptions });
    }
    await s.attempt("CreateWorkerDeployment", { namespace, deploymentName: "", requestId: "r" });
  }),

  story(
    "deployment-routing",
    "the current and the ramping version are set, by whom and on which conditions",
    async (s) => {
      const deployed = new Deployed(s);
      await deployed.seen("1", "2");
      const change = changer(s);
      const current = (buildId: string, more = {}) => change("SetWorkerDeploymentCurrentVersion", { buildId, ...more });
      const ramping = (buildId: string, percentage: number, more = {}) =>
        change("SetWorkerDeploymentRampingVersion", { buildId, percentage, ...more });
      const manager = (more: object) => change("SetWorkerDeploymentManager", more);
      await current("");
      await current("9");
      await ramping("9", 10);
      await ramping("1", 101);
      await ramping("1", -1);
      await ramping("", 10);
      await ramping("", 0);
      await ramping("1", 10);
      await ramping("1", 20, { identity: "other" });
      await ramping("1", 20, { identity: "other" });
      await ramping("1", 30, { conflictToken: Buffer.from("stale") });
      await current("1");
      await current("1");
      await current("1", { identity: "other" });
      await ramping("1", 5);
      await ramping("", 5);
      await ramping("2", 5);
      await current("2");
      await current("", { version: `${s.name}.1` });
      await current("", { version: "elsewhere.1" });
      await current("", { version: "nothing" });
      await manager({ self: true });
      await manager({ managerIdentity: "boss" });
      await manager({ managerIdentity: "boss" });
      await current("2");
      await ramping("2", 50);
      await current("2", { identity: "boss" });
      await manager({ managerIdentity: "" });
      await current("");
    },
  ),

  story("deployment-life", "deployments and versions are made, described, changed and deleted", async (s) => {
    const deploymentName = s.name;
    const deploymentVersion = { deploymentName, buildId: "1" };
    const create = (requestId: string) =>
      s.attempt("CreateWorkerDeployment", { namespace, deploymentName, requestId, identity: "client" });
    for (const requestId of ["r", "r", "other"]) await create(requestId);
    for (const requestId of ["r", "r", "other"])
      await s.attempt("CreateWorkerDeploymentVersion", { namespace, deploymentVersion, requestId, identity: "client" });
    await s.attempt("DescribeWorkerDeployment", { namespace, deploymentName });
    await s.attempt("DescribeWorkerDeploymentVersion", { namespace, deploymentVersion });
    const upsertEntries = { a: { data: Buffer.from("1") }, b: { data: Buffer.from("2") } };
    await s.attempt("UpdateWorkerDeploymentVersionMetadata", { namespace, deploymentVersion });
    await s.attempt("UpdateWorkerDeploymentVersionMetadata", { namespace, deploymentVersion, removeEntries: ["c"] });
    await s.unrecorded("UpdateWorkerDeploymentVersionMetadata", { namespace, deploymentVersion, upsertEntries });
    const removal = { namespace, deploymentVersion, removeEntries: ["a", "c"], identity: "other" };
    await s.attempt("UpdateWorkerDeploymentVersionMetadata", removal);
    await s.attempt("DescribeWorkerDeploymentVersion", { namespace, deploymentVersion });
    await s.attempt("DeleteWorkerDeployment", { namespace, deploymentName });
    await s.attempt("DeleteWorkerDeploymentVersion", { namespace, deploymentVersion });
    await s.attempt("DeleteWorkerDeploymentVersion", { namespace, deploymentVersion });
    await s.attempt("DeleteWorkerDeployment", { namespace, deploymentName });
    await s.attempt("DescribeWorkerDeployment", { namespace, deploymentName });
    await s.attempt("DeleteWorkerDeployment", { namespace, deploymentName });
  }),

  story("deployment-no-pollers", "a version may be current before any worker of it has come", async (s) => {
    const current = changer(s);
    await current("SetWorkerDeploymentCurrentVersion", { buildId: "1" });
    await current("SetWorkerDeploymentCurrentVersion", { buildId: "1", allowNoPollers: true });
    await current("SetWorkerDeploymentRampingVersion", { buildId: "2", percentage: 20, allowNoPollers: true });
    const deploymentVersion = { deploymentName: s.name, buildId: "1" };
    await s.attempt("DeleteWorkerDeploymentVersion", { namespace, deploymentVersion });
  }),

  story(
    "version-auto-upgrade",
    "a run that upgrades by itself moves with the current version, and its activities with it",
    async (s) => {
      const deployed = new Deployed(s);
      await deployed.seen("1", "2");
      await deployed.setCurrent("1");
      await s.start();
      const first = await deployed.workflowTask("1");
      await s.describe();
      await deployed.complete(first, "1", AUTO_UPGRADE, [activity(s.name)]);
      await s.describe();
      await answer(s, await deployed.activityTask("1"), deployed.worker("1"));
      await deployed.step("1", AUTO_UPGRADE, [activity(s.name, { activityId: "b" }), timer("t", 1)]);
      await deployed.setCurrent("2");
      const moving = await deployed.workflowTask("2");
      await s.describe();
      await deployed.complete(moving, "2", AUTO_UPGRADE);
      await s.describe();
      await answer(s, await deployed.activityTask("2"), deployed.worker("2"));
      await deployed.step("2", PINNED, [complete()]);
    },
  ),

  story("version-activity-moves-run", "an activity taken by the new version moves its run first", async (s) => {
    const deployed = new Deployed(s);
    await deployed.seen("1", "2");
    await deployed.setCurrent("1");
    await s.start();
    await deployed.step("1", AUTO_UPGRADE, [activity(s.name)]);
    await deployed.setCurrent("2");
    const taken = deployed.activityTask("2");
    const moving = await deployed.workflowTask("2");
    await deployed.complete(moving, "2", AUTO_UPGRADE);
    await answer(s, await taken, deployed.worker("2"));
    await deployed.step("2", AUTO_UPGRADE, [complete()]);
  }),

  story("version-pinned", "a pinned run stays, is told of newer code, and passes its version on", async (s) => {
    const deployed = new Deployed(s);
    await deployed.seen("1", "2");
    await deployed.setCurrent("1");
    await s.start();
    await deployed.step("1", PINNED, [activity(s.name)]);
    await deployed.setCurrent("2");
    await answer(s, await deployed.activityTask("1"), deployed.worker("1"));
    await delay(chainIntervalMs);
    await deployed.step("1", PINNED, [continueAsNew()]);
    await s.describe();
    await delay(chainIntervalMs);
    await deployed.step("1", PINNED, [continueAsNew({ taskQueue: { name: `${s.name}-other` } })]);
    await s.complete(await s.workflowTask(`${s.name}-other`), [complete()]);
  }),

  story(
    "version-children",
    "children of a versioned run begin with its version where they share its queue",
    async (s) => {
      const deployed = new Deployed(s);
      await deployed.seen("1");
      await deployed.setCurrent("1");
      for (const behavior of [PINNED, AUTO_UPGRADE]) {
        const workflowId = `${s.name}-${behavior}`;
        await s.start({ workflowId, requestId: workflowId });
        const near = child(`${workflowId}-near`, { taskQueue: { name: s.name } });
        await deployed.complete(await deployed.taskOf("1", workflowId), "1", behavior, [near]);
        await deployed.complete(await deployed.taskOf("1", workflowId), "1", behavior);
        const ending = await deployed.taskOf("1", `${workflowId}-near`);
        await deployed.complete(ending, "1", behavior, [complete()]);
        await deployed.complete(await deployed.taskOf("1", workflowId), "1", behavior, [complete()]);
        s.meetRun(`${workflowId}-near`, ending.workflowExecution?.runId ?? "");
      }
    },
  ),

  story(
    "version-child-override",
    "an override of a child's own holds in place of all that it would inherit, and must be one that can be kept",
    async (s) => {
      const deployed = new Deployed(s);
      await deployed.seen("1", "2");
      await deployed.setCurrent("1");
      await s.start();
      const kid = `${s.name}-kid`;
      const taskQueue = { name: s.name };
      const pinnedTo = (buildId: string) =>
        child(kid, { taskQueue, versioningOverride: pinnedOverride(deployed.version(buildId)) });
      await deployed.step("1", PINNED, [pinnedTo("9")]);
      await deployed.step("1", PINNED, [pinnedTo("2")]);
      await deployed.step("1", PINNED);
      const ending = await deployed.taskOf("2", kid);
      await deployed.complete(ending, "2", AUTO_UPGRADE, [complete()]);
      s.meetRun(kid, ending.workflowExecution?.runId ?? "");
      const malformed = child(kid, { taskQueue, versioningOverride: { pinned: { behavior: 1 } } });
      await s.attempt("RespondWorkflowTaskCompleted", {
        ...s.completeRequest(await deployed.workflowTask("1"), [malformed]),
        deploymentOptions: deployed.worker("1"),
        versioningBehavior: PINNED,
      });
      await deployed.step("1", PINNED, [complete()]);
    },
  ),

  story("version-continue-initially", "a pinned run may upgrade when it continues as new", async (s) => {
    const deployed = new Deployed(s);
    await deployed.seen("1", "2");
    await deployed.setCurrent("1");
    await s.start();
    await delay(chainIntervalMs);
    await deployed.step("1", PINNED, [continueAsNew({ initialVersioningBehavior: Initially.AUTO_UPGRADE })]);
    await s.describe();
    await deployed.setRamping("2", 1);
    await delay(chainIntervalMs);
    await deployed.step("1", PINNED, [continueAsNew({ initialVersioningBehavior: Initially.USE_RAMPING_VERSION })]);
    await s.describe();
    await deployed.step("2", PINNED, [complete()]);
  }),

  story("version-retry", "a retry begins as its run had, not as it had become", async (s) => {
    const deployed = new Deployed(s);
    await deployed.seen("1");
    await deployed.setCurrent("1");
    await s.start({ retryPolicy: { initialInterval: seconds(1), maximumAttempts: 3 } });
    await deployed.step("1", PINNED, [fail()]);
    await deployed.step("1", AUTO_UPGRADE, [fail()]);
    await deployed.step("1", AUTO_UPGRADE, [complete()]);
  }),

  story(
    "version-override-start",
    "an override at the start wins over the worker's word, and is inherited",
    async (s) => {
      const deployed = new Deployed(s);
      await deployed.seen("1", "2");
      await deployed.setCurrent("1");
      const versioningOverride = pinnedOverride(deployed.version("2"));
      await s.start({ versioningOverride });
      await s.describe();
      const childId = `${s.name}-child`;
      const next = () => deployed.taskOf("2", s.name);
      await deployed.complete(await next(), "2", AUTO_UPGRADE, [child(childId, { taskQueue: { name: s.name } })]);
      await deployed.complete(await next(), "2", AUTO_UPGRADE);
      await s.describe();
      const ending = await deployed.taskOf("2", childId);
      await deployed.complete(ending, "2", AUTO_UPGRADE, [complete()]);
      const task = await next();
      await delay(chainIntervalMs);
      await deployed.complete(task, "2", AUTO_UPGRADE, [continueAsNew()]);
      await s.describe();
      await deployed.complete(await next(), "2", AUTO_UPGRADE, [complete()]);
      s.meetRun(childId, ending.workflowExecution?.runId ?? "");
    },
  ),

  story("version-override-upgrade", "an override lets a pinned run upgrade", async (s) => {
    const deployed = new Deployed(s);
    await deployed.seen("1", "2");
    await deployed.setCurrent("1");
    await s.start({ versioningOverride: { autoUpgrade: true } });
    await deployed.step("1", PINNED, [timer("t", 1)]);
    await s.describe();
    await deployed.setCurrent("2");
    await deployed.step("2", PINNED, [complete()]);
  }),

  story("version-override-once", "an override for one task is over when that has completed", async (s) => {
    const deployed = new Deployed(s);
    await deployed.seen("1", "2");
    await deployed.setCurrent("1");
    await s.start({ versioningOverride: { oneTime: { targetDeploymentVersion: deployed.version("2") } } });
    await s.describe();
    await deployed.step("2", AUTO_UPGRADE, [timer("t", 1)]);
    await s.describe();
    await deployed.step("1", AUTO_UPGRADE, [complete()]);
  }),

  story(
    "version-override-later",
    "an override set on a running run moves its next task, and its end gives it back",
    async (s) => {
      const deployed = new Deployed(s);
      await deployed.seen("1", "2");
      await deployed.setCurrent("1");
      await s.start();
      const override = (workflowExecutionOptions: object, paths = ["versioning_override"]) =>
        s.call("UpdateWorkflowExecutionOptions", {
          namespace: "default",
          workflowExecution: { workflowId: s.name },
          workflowExecutionOptions,
          updateMask: { paths },
          identity: "client",
        });
      // While its first task waits for a worker.
      await override({ versioningOverride: pinnedOverride(deployed.version("2")) });
      await override({ versioningOverride: pinnedOverride(deployed.version("2")) });
      await s.describe();
      const task = await deployed.workflowTask("2");
      // While its task is with a worker.
      await override({ versioningOverride: { autoUpgrade: true } });
      await deployed.complete(task, "2", PINNED, [timer("t", 2)]);
      await s.describe();
      await deployed.step("1", PINNED, [timer("u", 60)]);
      await override({});
      await s.describe();
      await deployed.step("1", PINNED, [complete()]);
    },
  ),

  story("version-override-bad", "overrides that cannot be", async (s) => {
    const version = { deploymentName: s.name, buildId: "1" };
    for (const versioningOverride of [
      {},
      { behavior: PINNED },
      { behavior: PINNED, pinnedVersion: "nothing" },
      { behavior: PINNED, pinnedVersion: `${s.name}.1` },
      { behavior: PINNED, deployment: { seriesName: "", buildId: "1" } },
      { behavior: AUTO_UPGRADE, pinnedVersion: `${s.name}.1` },
      { behavior: AUTO_UPGRADE, deployment: { seriesName: "a", buildId: "1" } },
      { pinned: { behavior: 1 as const } },
      { pinned: { version } },
      pinnedOverride(version),
      { oneTime: { targetDeploymentVersion: version } },
    ])
      await s.attempt("StartWorkflowExecution", s.startRequest({ versioningOverride }));
  }),

  story("version-none", "workers that say no behavior, or leave the deployment, have unversioned runs", async (s) => {
    const deployed = new Deployed(s);
    await deployed.seen("1");
    await deployed.setCurrent("1");
    await s.start();
    await deployed.step("1", UNSPECIFIED, [timer("t", 1)]);
    await s.describe();
    await deployed.setCurrent("");
    const named = { ...deployed.version("7"), workerVersioningMode: WorkerVersioningMode.UNVERSIONED };
    const task = await s.workflowTask(s.name, { deploymentOptions: named });
    const claim = s.completeRequest(task, [], { deploymentOptions: named, versioningBehavior: PINNED });
    await s.attempt("RespondWorkflowTaskCompleted", claim);
    await s.complete(task, [complete()], { deploymentOptions: named });
  }),

  story(
    "version-named-only",
    "a worker that only names its deployment has an unversioned run that names it too",
    async (s) => {
      const named = { deploymentName: s.name, buildId: "1", workerVersioningMode: WorkerVersioningMode.UNVERSIONED };
      await s.start();
      const task = await s.workflowTask(s.name, { deploymentOptions: named });
      await s.complete(task, [timer("t", 1)], { deploymentOptions: named });
      await s.describe();
      await s.complete(await s.workflowTask(s.name, { deploymentOptions: named }), [complete()], {
        deploymentOptions: named,
      });
    },
  ),

  story("version-ramp", "a ramp takes the same workflow ids on every server", async (s) => {
    const deployed = new Deployed(s);
    await deployed.seen("1", "2");
    await deployed.setCurrent("1");
    await deployed.setRamping("2", 40);
    const ids = Array.from({ length: 10 }, (_, at) => `ramp-${"x".repeat(at * 3)}${at}`);
    for (const workflowId of ids)
      await s.unrecorded("StartWorkflowExecution", s.startRequest({ workflowId, requestId: workflowId }));
    const went: string[] = [];
    for (const buildId of ["1", "2"]) {
      const poll = { namespace, taskQueue: { name: s.name }, deploymentOptions: deployed.worker(buildId) };
      for (;;) {
        const task = await s.unrecorded("PollWorkflowTaskQueue", poll, { timeoutMs: 2_500 });
        if (task.taskToken.length === 0) break;
        await s.unrecorded("RespondWorkflowTaskCompleted", {
          namespace,
          taskToken: task.taskToken,
          commands: [complete()],
          deploymentOptions: deployed.worker(buildId),
          versioningBehavior: PINNED,
        });
        went.push(`${task.workflowExecution?.workflowId} to ${buildId}`);
      }
    }
    s.note("went", went.sort());
  }),
];

/** Changes the story's deployment as "client". */
function changer(s: Play) {
  return async <N extends MethodName>(method: N, more: object) => {
    await s.attempt(method, { namespace, deploymentName: s.name, identity: "client", ...more } as object as Init<
      RequestOf<N>
    >);
    // The reference server hands a change on afterwards. What comes meanwhile it may do twice, and tells the second time's answer.
    await delay(changedWithinMs);
  };
}

function answer(s: Play, { taskToken }: { taskToken: Uint8Array }, deploymentOptions: ReturnType<Deployed["worker"]>) {
  return s.call("RespondActivityTaskCompleted", { namespace, taskToken, identity: "worker", deploymentOptions });
}
