/** Nexus endpoints as operators manage them. An endpoint can be called as soon as its creation is answered. */
import { Rejection } from "@pawl/engine";
import { common, enums, type Init, nexus, type operatorservice, toTimestamp } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { invalid, isLonger, taskQueueProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { NamespaceRegistry } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import type { NexusEndpoint, NexusEndpointSpec, NexusTarget } from "./nexus-endpoint-registry.ts";

export function nexusEndpointHandlers({ nexusEndpoints: endpoints, namespaces, tokens }: Parts) {
  const answer = (made: NexusEndpoint | Rejection) =>
    made instanceof Rejection ? made : { endpoint: wireEndpoint(made, namespaces) };
  return {
    CreateNexusEndpoint: async ({ spec }) => {
      const checked = specOf(spec, namespaces);
      return answer(checked instanceof Rejection ? checked : await endpoints.create(checked));
    },

    UpdateNexusEndpoint: async ({ id, version, spec }) => {
      const checked = specOf(spec, namespaces);
      return answer(checked instanceof Rejection ? checked : await endpoints.update(id, version, checked));
    },

    DeleteNexusEndpoint: async ({ id, version }) => {
      const problem = joined([...idProblems(id), ...(version > 0 ? [] : ["endpoint version is non-positive"])]);
      return problem ?? (await endpoints.remove(id, version)) ?? {};
    },

    GetNexusEndpoint: ({ id }) => {
      const problem = joined(idProblems(id));
      if (problem) return problem;
      return answer(endpoints.byId(id) ?? new Rejection("NOT_FOUND", `Nexus endpoint with ID \`${id}\` not found`));
    },

    ListNexusEndpoints: (request) => {
      if (request.name !== "") {
        const found = endpoints.byName(request.name);
        return { endpoints: found ? [wireEndpoint(found, namespaces)] : [] };
      }
      const size = pageSizeOf(request);
      if (size instanceof Rejection) return size;
      const from = tokens.openPage(pageTokenOf, "", request.nextPageToken);
      if (from instanceof Rejection) return from;
      const afterId = from?.[0] as string | undefined;
      const rest = endpoints.all().filter(({ id }) => afterId === undefined || id > afterId);
      const page = fitting(rest.slice(0, size).map((endpoint) => wireEndpoint(endpoint, namespaces)));
      const isLast = page.length === rest.length;
      return {
        endpoints: page,
        ...(!isLast && { nextPageToken: tokens.sealPage(pageTokenOf, "", [rest[page.length - 1]!.id]) }),
      };
    },
  } satisfies Handlers;
}

const pageTokenOf = "nexus-endpoints";

function pageSizeOf({ pageSize }: operatorservice.ListNexusEndpointsRequest): number | Rejection {
  if (pageSize < 0) return invalid("page_size is negative");
  if (pageSize > limits.nexusEndpointPageMax)
    return invalid(`page_size exceeds limit of ${limits.nexusEndpointPageMax}`);
  return pageSize || limits.nexusEndpointPageDefault;
}

/** As many of them as one response holds, and at least one. */
function fitting(endpoints: readonly Init<nexus.Endpoint>[]): Init<nexus.Endpoint>[] {
  let bytes = 0;
  const end = endpoints.findIndex((endpoint) => {
    bytes += nexus.Endpoint.encode(endpoint).length;
    return bytes > limits.pageBytesMax;
  });
  return endpoints.slice(0, end < 0 ? endpoints.length : end);
}

/** The API's form: with the namespace's name of now, and the path at which callers over HTTP reach the endpoint. */
function wireEndpoint(endpoint: NexusEndpoint, namespaces: NamespaceRegistry): Init<nexus.Endpoint> {
  const { id, version, name, description, target, createdAtMs, changedAtMs } = endpoint;
  return {
    id,
    version,
    spec: { name, description, target: wireTarget(target, namespaces) },
    createdTime: toTimestamp(createdAtMs),
    ...(changedAtMs !== null && { lastModifiedTime: toTimestamp(changedAtMs) }),
    urlPrefix: `/nexus/endpoints/${id}/services`,
  };
}

function wireTarget(target: NexusTarget, namespaces: NamespaceRegistry): Init<nexus.EndpointTarget> {
  if (target.type === "external") return { external: { url: target.url } };
  const namespace = namespaces.byId(target.namespaceId);
  const name = namespace instanceof Rejection ? "" : namespace.name;
  return { worker: { namespace: name, taskQueue: target.taskQueue } };
}

/** All that is wrong with the spec in one refusal, as the reference server says it; else the spec as it is kept. */
function specOf(spec: nexus.EndpointSpec | undefined, namespaces: NamespaceRegistry): NexusEndpointSpec | Rejection {
  const { name = "", description } = spec ?? {};
  const problems = nameProblems(name);
  const target = targetOf(spec?.target, namespaces, problems);
  if (target instanceof Rejection) return target;
  const { nexusEndpointDescriptionBytesMax: bytesMax } = limits;
  if (description && common.Payload.encode(description).length > bytesMax)
    problems.push(`description size exceeds limit of ${bytesMax}`);
  return joined(problems) ?? (target ? { name, description, target } : invalid("empty target variant"));
}

const namePattern = /^[a-zA-Z][a-zA-Z0-9-]*[a-zA-Z0-9]$/;
/** The same pattern as the reference server's messages quote it. */
const namePatternText = String.raw`"^[a-zA-Z][a-zA-Z0-9\\-]*[a-zA-Z0-9]$"`;

function nameProblems(name: string): string[] {
  if (name === "") return ["endpoint name not set"];
  const { nexusEndpointNameBytesMax: bytesMax } = limits;
  return [
    ...(isLonger(name, bytesMax) ? [`endpoint name exceeds length limit of ${bytesMax}`] : []),
    ...(namePattern.test(name) ? [] : [`endpoint name must match the regex: ${namePatternText}`]),
  ];
}

/** Adds to `problems` what is wrong with it; undefined when something is. A namespace that is not there is a refusal of its own. */
function targetOf(
  target: nexus.EndpointTarget | undefined,
  namespaces: NamespaceRegistry,
  problems: string[],
): NexusTarget | undefined | Rejection {
  if (target?.worker) return workerTarget(target.worker, namespaces, problems);
  if (!target?.external) {
    problems.push("empty target variant");
    return undefined;
  }
  const { url } = target.external;
  const problem = urlProblem(url);
  if (problem !== undefined) problems.push(problem);
  return { type: "external", url };
}

function workerTarget(
  { namespace: name, taskQueue }: nexus.EndpointTarget_Worker,
  namespaces: NamespaceRegistry,
  problems: string[],
): NexusTarget | undefined | Rejection {
  const namespace = name === "" ? undefined : namespaces.byName(name);
  if (namespace instanceof Rejection)
    return new Rejection(
      "FAILED_PRECONDITION",
      `could not verify namespace referenced by target exists: ${namespace.message}`,
    );
  if (!namespace) problems.push("target namespace not set");
  const queue =
    taskQueue === ""
      ? "taskQueue is not set"
      : taskQueueProblem({ name: taskQueue, kind: enums.TaskQueueKind.NORMAL, normalName: "" })?.message;
  if (queue !== undefined) problems.push(`invalid target task queue: ${JSON.stringify(queue)}`);
  return namespace && { type: "worker", namespaceId: namespace.id, taskQueue };
}

function urlProblem(url: string): string | undefined {
  if (url === "") return "empty target URL";
  const { nexusEndpointUrlBytesMax: bytesMax } = limits;
  if (isLonger(url, bytesMax)) return `target URL length exceeds limit of ${bytesMax}`;
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]*):/i.exec(url) ?? [];
  const quoted = JSON.stringify(url);
  if (/^[^/:?#]+:/.test(url) && scheme === "")
    return `invalid target URL: parse ${quoted}: first path segment in URL cannot contain colon`;
  if (!["http", "https"].includes(scheme.toLowerCase()))
    return `invalid target URL scheme: ${JSON.stringify(scheme)}, expected http or https`;
  return URL.canParse(url) ? undefined : `invalid target URL: ${quoted}`;
}

const uuidLength = 36;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function idProblems(id: string): string[] {
  if (id === "") return ["endpoint ID not set"];
  if (uuid.test(id)) return [];
  const problem = id.length === uuidLength ? "invalid UUID format" : `invalid UUID length: ${id.length}`;
  return [`malformed endpoint ID: "${problem}"`];
}

function joined(problems: readonly string[]): Rejection | undefined {
  return problems.length === 0 ? undefined : invalid(problems.join(", "));
}
