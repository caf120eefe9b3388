/** `pawl worker deployment …`: versions of workers, and which of them is given tasks. */
import { type Definition, define } from "../command/definition.ts";
import { decimal, list, onOff, required, text } from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import { Failure } from "../failure.ts";
import type { Column } from "../output/output.ts";
import { payloadMap } from "../payload.ts";
import type { Session } from "../session.ts";
import { pagesOf } from "./pages.ts";
import { confirm } from "./target.ts";

const routing: readonly Column[] = [
  { heading: "Current", path: "routingConfig.currentDeploymentVersion.buildId" },
  { heading: "Ramping", path: "routingConfig.rampingDeploymentVersion.buildId" },
  { heading: "Percentage", path: "routingConfig.rampingVersionPercentage" },
  { heading: "CreateTime", path: "createTime", kind: "time" },
];
const listed: readonly Column[] = [{ heading: "Name", path: "name" }, ...routing];
const details: readonly Column[] = [
  ...listed.map((column) => ({ ...column, path: `workerDeploymentInfo.${column.path}` })),
  { heading: "ManagerIdentity", path: "workerDeploymentInfo.managerIdentity" },
];
const versionColumns: readonly Column[] = [
  { heading: "BuildId", path: "deploymentVersion.buildId" },
  { heading: "Status", path: "status", prefix: "WORKER_DEPLOYMENT_VERSION_STATUS_" },
  { heading: "CreateTime", path: "createTime", kind: "time" },
];
const versionDetails: readonly Column[] = [
  { heading: "Deployment", path: "deploymentVersion.deploymentName" },
  ...versionColumns,
  { heading: "CurrentSince", path: "currentSinceTime", kind: "time" },
  { heading: "RampingSince", path: "rampingSinceTime", kind: "time" },
  { heading: "Drainage", path: "drainageInfo.status", prefix: "VERSION_DRAINAGE_STATUS_" },
  { heading: "Metadata", path: "metadata.entries", kind: "payloads" },
];

const name = required("name", "the deployment", { short: "d", aliases: ["deployment-name"] });
const deploymentName = required("name", "the deployment", { aliases: ["name"] });
const buildId = required("id", "the version's build id");
const version = { deploymentName, buildId };

function versionOf(flags: { readonly deploymentName: string; readonly buildId: string }) {
  return { deploymentName: flags.deploymentName, buildId: flags.buildId };
}

const routingFlags = {
  deploymentName,
  buildId: text("id", "the version's build id; this or --unversioned"),
  unversioned: onOff("workers without a version"),
  allowNoPollers: onOff("even if no worker of it polls"),
  ignoreMissingTaskQueues: onOff("even if it lacks task queues that the one before has"),
  yes: onOff("do not ask first", { short: "y" }),
};

async function routed(
  flags: { readonly buildId: string | undefined; readonly unversioned: boolean; readonly yes: boolean },
  question: string,
): Promise<string> {
  if ((flags.buildId === undefined) !== flags.unversioned)
    throw new Failure("usage", "say which version: --build-id, or --unversioned for workers without one");
  await confirm(flags.yes, question);
  return flags.buildId ?? "";
}

const views: readonly Definition[] = [
  define({
    path: "worker deployment list",
    summary: "List worker deployments",
    flags: limitFlags,
    async run(session, limits) {
      const pages = pagesOf(session, limits, {
        method: "ListWorkerDeployments",
        items: "workerDeployments",
        request: (page) => ({ namespace: session.namespace, ...page }),
      });
      await session.output.list(listed, pages);
    },
  }),
  define({
    path: "worker deployment describe",
    summary: "Show a worker deployment and its versions",
    flags: { name },
    argument: "name",
    async run(session, flags) {
      const request = { namespace: session.namespace, deploymentName: flags.name };
      const json = await session.json(
        "DescribeWorkerDeployment",
        await session.call("DescribeWorkerDeployment", request),
      );
      const { output } = session;
      output.thing(details, json);
      const versions = json.workerDeploymentInfo?.versionSummaries ?? [];
      if (output.format !== "text" || session.flags.fields !== undefined || versions.length === 0) return;
      output.title("\nVersions");
      output.table(versionColumns, versions);
    },
  }),
  define({
    path: "worker deployment describe-version",
    summary: "Show a version of a worker deployment",
    flags: { ...version, reportTaskQueueStats: onOff("with what waits on its task queues") },
    async run(session, flags) {
      const rpc = "DescribeWorkerDeploymentVersion";
      const { namespace } = session;
      const { reportTaskQueueStats } = flags;
      const answer = await session.call(rpc, { namespace, deploymentVersion: versionOf(flags), reportTaskQueueStats });
      const json = await session.json(rpc, answer);
      if (session.output.format === "text")
        session.output.thing(versionDetails, json.workerDeploymentVersionInfo ?? {});
      else session.output.json(json);
    },
  }),
];

const changes: readonly Definition[] = [
  define({
    path: "worker deployment create",
    summary: "Make a worker deployment before its first worker polls",
    flags: { name },
    argument: "name",
    async run(session, flags) {
      const { namespace, identity } = session;
      const request = { namespace, identity, deploymentName: flags.name, requestId: session.requestId() };
      await session.call("CreateWorkerDeployment", request);
      session.output.say(`Made worker deployment ${flags.name}`);
    },
  }),
  define({
    path: "worker deployment create-version",
    summary: "Make a version of a worker deployment before its first worker polls",
    flags: version,
    async run(session, flags) {
      const { namespace, identity } = session;
      const request = { namespace, identity, deploymentVersion: versionOf(flags), requestId: session.requestId() };
      await session.call("CreateWorkerDeploymentVersion", request);
      session.output.say(`Made version ${flags.buildId} of ${flags.deploymentName}`);
    },
  }),
  define({
    path: "worker deployment set-current-version",
    summary: "Give new tasks to this version",
    flags: routingFlags,
    examples: ["worker deployment set-current-version --deployment-name orders --build-id 2.0 --yes"],
    async run(session, flags) {
      const chosen = await routed(flags, `Make this the current version of ${flags.deploymentName}?`);
      const { namespace, identity } = session;
      const { deploymentName, allowNoPollers, ignoreMissingTaskQueues } = flags;
      const request = { namespace, identity, deploymentName, allowNoPollers, ignoreMissingTaskQueues };
      await session.call("SetWorkerDeploymentCurrentVersion", { ...request, buildId: chosen });
      session.output.say(`The current version of ${deploymentName} is ${chosen || "unversioned"}`);
    },
  }),
  define({
    path: "worker deployment set-ramping-version",
    summary: "Give a share of new tasks to this version",
    flags: {
      ...routingFlags,
      percentage: decimal("0-100", "its share"),
      delete: onOff("no version ramps from now on"),
    },
    async run(session, flags) {
      const { namespace, identity } = session;
      const { deploymentName, allowNoPollers, ignoreMissingTaskQueues } = flags;
      const chosen = flags.delete
        ? await routed({ ...flags, buildId: "", unversioned: false }, "Stop ramping?")
        : await routed(flags, `Ramp this version of ${deploymentName}?`);
      const request = { namespace, identity, deploymentName, allowNoPollers, ignoreMissingTaskQueues };
      const percentage = flags.delete ? 0 : (flags.percentage ?? 0);
      await session.call("SetWorkerDeploymentRampingVersion", { ...request, buildId: chosen, percentage });
      session.output.say(flags.delete ? "No version ramps" : `${chosen || "unversioned"} is given ${percentage}%`);
    },
  }),
  define({
    path: "worker deployment delete-version",
    summary: "Forget a version that no worker polls for",
    flags: { ...version, skipDrainage: onOff("even if workflows still run on it") },
    async run(session, flags) {
      const { namespace, identity } = session;
      const request = { namespace, identity, deploymentVersion: versionOf(flags), skipDrainage: flags.skipDrainage };
      await session.call("DeleteWorkerDeploymentVersion", request);
      session.output.say(`Deleted version ${flags.buildId} of ${flags.deploymentName}`);
    },
  }),
  define({
    path: "worker deployment delete",
    summary: "Forget a worker deployment that has no versions",
    flags: { name },
    argument: "name",
    async run(session, flags) {
      const { namespace, identity } = session;
      await session.call("DeleteWorkerDeployment", { namespace, identity, deploymentName: flags.name });
      session.output.say(`Deleted worker deployment ${flags.name}`);
    },
  }),
  define({
    path: "worker deployment manager-identity set",
    summary: "Say who alone may change a deployment",
    flags: {
      deploymentName,
      managerIdentity: text("name", "who; this or --self"),
      self: onOff("whoever says so, by --identity"),
      yes: onOff("do not ask first", { short: "y" }),
    },
    async run(session, { managerIdentity, self, ...flags }) {
      if ((managerIdentity === undefined) !== self)
        throw new Failure("usage", "say who: --manager-identity, or --self");
      await setManager(session, flags, self ? { self: true } : { managerIdentity: managerIdentity! });
    },
  }),
  define({
    path: "worker deployment manager-identity unset",
    summary: "Let everybody change a deployment again",
    flags: { deploymentName, yes: onOff("do not ask first", { short: "y" }) },
    run: (session, flags) => setManager(session, flags, { managerIdentity: "" }),
  }),
  define({
    path: "worker deployment update-version-metadata",
    summary: "Change what is kept with a version",
    flags: {
      ...version,
      metadata: list("KEY=JSON", "an entry to set"),
      removeEntries: list("key", "an entry to remove"),
    },
    async run(session, flags) {
      const { namespace, identity } = session;
      const rpc = "UpdateWorkerDeploymentVersionMetadata";
      const answer = await session.call(rpc, {
        ...{ namespace, identity, deploymentVersion: versionOf(flags), removeEntries: flags.removeEntries },
        upsertEntries: payloadMap(flags.metadata, "--metadata") ?? {},
      });
      const columns: readonly Column[] = [{ heading: "Metadata", path: "metadata.entries", kind: "payloads" }];
      session.output.thing(columns, await session.json(rpc, answer));
    },
  }),
];

async function setManager(
  session: Session,
  { deploymentName, yes }: { readonly deploymentName: string; readonly yes: boolean },
  manager: { readonly self: true } | { readonly managerIdentity: string },
): Promise<void> {
  await confirm(yes, `Change who manages ${deploymentName}?`);
  const { namespace, identity } = session;
  const rpc = "SetWorkerDeploymentManager";
  const answer = await session.call(rpc, { namespace, identity, deploymentName, ...manager });
  const columns: readonly Column[] = [{ heading: "PreviousManagerIdentity", path: "previousManagerIdentity" }];
  session.output.thing(columns, await session.json(rpc, answer));
}

export const deploymentCommands: readonly Definition[] = [...views, ...changes];
