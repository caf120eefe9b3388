/** What names of worker deployments and their versions must keep to, and how requests give them, in newer and older fields. */
import { type DeploymentVersion, Rejection, unversionedName, versionOfText } from "@pawl/engine";
import { type deployment, enums } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { invalid } from "../field-rules.ts";

type Options = deployment.WorkerDeploymentOptions | undefined;

/** The version that a worker says it belongs to; undefined when it is not versioned. */
export function versionOfWorker(options: Options): DeploymentVersion | undefined {
  if (options?.workerVersioningMode !== enums.WorkerVersioningMode.VERSIONED) return undefined;
  const { deploymentName, buildId } = options;
  return { deploymentName, buildId };
}

/** What a worker says of itself in a poll or an answer. */
export function workerProblem(options: Options): Rejection | undefined {
  const version = versionOfWorker(options);
  if (!version) return undefined;
  if (version.deploymentName === "" || version.buildId === "")
    return invalid("Deployment name and build id must be set together.");
  return nameProblem(version.deploymentName) ?? buildIdProblem(version.buildId);
}

export function nameProblem(name: string): Rejection | undefined {
  const problem = sizeProblem("WorkerDeploymentName", name);
  if (problem) return problem;
  for (const separator of [".", ":"])
    if (name.includes(separator)) return invalid(`worker deployment name cannot contain '${separator}'`);
  return prefixProblem("WorkerDeploymentName", name);
}

function buildIdProblem(buildId: string): Rejection | undefined {
  return sizeProblem("BuildID", buildId) ?? prefixProblem("BuildID", buildId);
}

function sizeProblem(field: string, text: string): Rejection | undefined {
  if (text === "") return invalid(`${field} cannot be empty`);
  return Buffer.byteLength(text) > limits.deploymentNameBytesMax
    ? invalid(`size of ${field} larger than the maximum allowed`)
    : undefined;
}

/** Kept for names of the server's own. */
function prefixProblem(field: string, text: string): Rejection | undefined {
  return text.startsWith("__") ? invalid(`${field} cannot start with '__'`) : undefined;
}

/** What is missing of a version that must be named by both of its parts. */
export function versionPartProblem(version: deployment.WorkerDeploymentVersion | undefined): Rejection | undefined {
  if (!version?.deploymentName) return invalid("deployment name cannot be empty");
  return version.buildId === "" ? invalid("build ID cannot be empty") : undefined;
}

interface NamedVersion {
  readonly version: string;
  readonly deploymentVersion?: deployment.WorkerDeploymentVersion | undefined;
}

/** The version that a request is about. */
export function versionOfRequest({ version: text, deploymentVersion }: NamedVersion): DeploymentVersion | Rejection {
  if (!deploymentVersion && text === "") return invalid("deployment version cannot be empty");
  const shown = deploymentVersion ? `${deploymentVersion.deploymentName}.${deploymentVersion.buildId}` : text;
  const version = deploymentVersion ?? versionOfText(text);
  if (!version || version.deploymentName === "" || version.buildId === "")
    return invalid(
      `invalid version string ${JSON.stringify(shown)}, expected format is "<deployment_name>.<build_id>"`,
    );
  return nameProblem(version.deploymentName) ?? buildIdProblem(version.buildId) ?? version;
}

export function unknownVersion({ deploymentName, buildId }: DeploymentVersion): Rejection {
  return new Rejection("NOT_FOUND", `build ID '${buildId}' not found in Worker Deployment '${deploymentName}'`);
}

/** The build id to which a request routes; null = workers without a version. The older field names deployment and build id in one text. */
export function buildIdOfRequest(request: {
  readonly deploymentName: string;
  readonly buildId: string;
  readonly version: string;
}): string | null | Rejection {
  const { deploymentName, buildId, version } = request;
  if (buildId !== "") return buildIdProblem(buildId) ?? buildId;
  if (version === "" || version === unversionedName) return null;
  const named = versionOfText(version);
  if (!named) return invalid(`invalid version string: ${partProblem(version)} in version string ${version}`);
  if (named.deploymentName !== deploymentName)
    return invalid(`invalid version string '${version}' does not match deployment name '${deploymentName}'`);
  return buildIdProblem(named.buildId) ?? named.buildId;
}

function partProblem(version: string): string {
  if (!/[.:]/.test(version)) return "expected delimiter ':' or '.' not found";
  return /^[.:]/.test(version) ? "deployment name is empty" : "build id is empty";
}
