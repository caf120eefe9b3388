/** Search attributes of a run that a deployment has to do with. */
import { type common, enums } from "@pawl/protocol";
import type { Run } from "../state/run.ts";
import type { Versioning } from "../state/versioning.ts";
import { versionName } from "./version-override.ts";
import { effectiveBehavior, isSameVersion } from "./versioning.ts";
import { keywords, setKeywords, unversioned } from "./worker-build.ts";

const { VersioningBehavior } = enums;

/** Brings the search attributes in line with what counts now, where that is not as it was `before`: lists and drainage find runs by them. */
export function indexVersioning(run: Run, before: Versioning | null): void {
  const { versioning } = run;
  if (!versioning || (before && isAlike(versioning, before))) return;
  const behavior = effectiveBehavior(versioning);
  const { version: own, override, used, deploymentName } = versioning;
  const version = override && "version" in override ? override.version : own;
  const pinned = behavior === VersioningBehavior.PINNED && version ? `pinned:${versionName(version)}` : undefined;
  setKeyword(run, "TemporalWorkerDeployment", deploymentName);
  const isVersioned = behavior !== VersioningBehavior.UNSPECIFIED;
  setKeyword(run, "TemporalWorkerDeploymentVersion", isVersioned && version ? versionName(version) : "");
  setKeyword(run, "TemporalWorkflowVersioningBehavior", behaviorNames[behavior] ?? "");
  setKeywords(run, "TemporalUsedWorkerDeploymentVersions", used);
  const others = keywords(run, "BuildIds").filter((id) => !id.startsWith("pinned:") && id !== unversioned);
  const none = isVersioned || (used.length === 0 && !keywords(run, "BuildIds").includes(unversioned));
  const first = pinned ?? (none ? undefined : unversioned);
  setKeywords(run, "BuildIds", [...(first === undefined ? [] : [first]), ...others]);
}

function isAlike(a: Versioning, b: Versioning): boolean {
  return (
    a.behavior === b.behavior &&
    isSameVersion(a.version, b.version) &&
    a.override === b.override &&
    a.deploymentName === b.deploymentName &&
    a.used === b.used
  );
}

function setKeyword(run: Run, name: string, value: string): void {
  const { [name]: _, ...others } = run.searchAttributes?.indexedFields ?? {};
  run.searchAttributes = { indexedFields: value === "" ? others : { ...others, [name]: keyword(value) } };
}

const behaviorNames: Readonly<Record<number, string>> = {
  [VersioningBehavior.PINNED]: "Pinned",
  [VersioningBehavior.AUTO_UPGRADE]: "AutoUpgrade",
};

const encoder = new TextEncoder();

function keyword(value: string): common.Payload {
  return {
    metadata: { encoding: encoder.encode("json/plain"), type: encoder.encode("Keyword") },
    data: encoder.encode(JSON.stringify(value)),
    externalPayloads: [],
  };
}
