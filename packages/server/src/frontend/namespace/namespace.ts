/** Namespaces as their callers see them: register, describe, list, update, deprecate. */
import { Rejection } from "@pawl/engine";
import {
  durationMs,
  enums,
  type Init,
  type namespace as messages,
  type RequestOf,
  toTimestamp,
  type workflowservice,
} from "@pawl/protocol";
import { systemScope } from "../../config.ts";
import { limits } from "../../limits.ts";
import { durationProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { clusterName, namespaceCapabilities } from "../system.ts";
import { configOf, type Namespace, type NamespaceRegistry, namespaceNotFound } from "./namespace-registry.ts";

const { REGISTERED, DEPRECATED, DELETED, UNSPECIFIED } = enums.NamespaceState;

export function namespaceHandlers(parts: Parts) {
  const { namespaces, searchAttributes, tokens, clock, nexusEndpoints, namespaceDeletions } = parts;
  const describe = (namespace: Namespace) => description(namespace, searchAttributes.aliasesOf(namespace));
  return {
    RegisterNamespace: async (request) => {
      const draft = draftOf(request);
      if (draft instanceof Rejection) return draft;
      const created = await namespaces.create(draft);
      return created instanceof Rejection ? created : {};
    },

    DescribeNamespace: ({ id, namespace: name }) => {
      if (id === "" && name === "") return invalid("Namespace not set on request.");
      const found = id === "" ? (namespaces.find(name) ?? namespaceNotFound(name)) : namespaces.byId(id);
      if (found instanceof Rejection) return found;
      if (name !== "" && found.name !== name)
        return invalid("The namespace's id and name on the request are of two namespaces.");
      return describe(found);
    },

    ListNamespaces: ({ pageSize, nextPageToken, namespaceFilter }) => {
      const from = tokens.openPage("namespaces", "", nextPageToken);
      if (from instanceof Rejection) return from;
      const size = pageSize <= 0 ? limits.namespacePageDefault : Math.min(pageSize, limits.namespacePageMax);
      const afterName = from?.[0] as string | undefined;
      const rest = namespaces
        .all()
        .filter(({ state }) => state !== DELETED || namespaceFilter?.includeDeleted)
        .filter(({ name }) => afterName === undefined || name > afterName);
      const page = rest.slice(0, size);
      const isLast = page.length === rest.length;
      return {
        namespaces: page.map(describe),
        ...(!isLast && { nextPageToken: tokens.sealPage("namespaces", "", [page.at(-1)!.name]) }),
      };
    },

    UpdateNamespace: async (request) => {
      const change = (current: Namespace) => update(current, request, clock.nowMs());
      const refused = await changeAliases(parts, request, change);
      if (refused) return refused;
      const updated = await namespaces.update(request.namespace, change);
      return updated instanceof Rejection ? updated : describe(updated);
    },

    DeleteNamespace: async (request) => {
      const found = toDelete(namespaces, request);
      if (found instanceof Rejection) return found;
      const deleted = await namespaces.markDeleted(found.id, {
        deleteAtMs: clock.nowMs() + durationMs(request.namespaceDeleteDelay),
        refuse: ({ id }) => {
          const endpoint = nexusEndpoints.targeting(id);
          const message = `cannot delete a namespace that is a target of a Nexus endpoint ${endpoint?.name}`;
          return endpoint && new Rejection("FAILED_PRECONDITION", message);
        },
      });
      if (deleted instanceof Rejection) return deleted;
      namespaceDeletions.begin(deleted);
      return { deletedNamespace: deleted.name };
    },

    DeprecateNamespace: async ({ namespace: name }) => {
      const updated = await namespaces.update(name, (current) => ({ ...current, state: DEPRECATED }));
      return updated instanceof Rejection ? updated : {};
    },
  } satisfies Handlers;
}

/** Aliases are kept elsewhere: they change before the rest of the namespace, if that can change. */
async function changeAliases(
  { namespaces, searchAttributes }: Pick<Parts, "namespaces" | "searchAttributes">,
  request: RequestOf<"UpdateNamespace">,
  change: (current: Namespace) => Namespace | Rejection,
): Promise<Rejection | undefined> {
  const aliases = request.config?.customSearchAttributeAliases ?? {};
  const known = namespaces.find(request.namespace);
  if (!known || Object.keys(aliases).length === 0) return undefined;
  const foreseen = change(known);
  return foreseen instanceof Rejection ? foreseen : searchAttributes.alias(known, aliases);
}

/** By name or by id; also one that is being deleted already. */
function toDelete(namespaces: NamespaceRegistry, request: RequestOf<"DeleteNamespace">): Namespace | Rejection {
  const { namespace: name, namespaceId, namespaceDeleteDelay } = request;
  if (name === "" && namespaceId === "") return invalid("Namespace not set on request.");
  if (name !== "" && namespaceId !== "") return invalid("Only one of namespace name or Id should be set on request.");
  const problem = durationProblem("NamespaceDeleteDelay", namespaceDeleteDelay);
  if (problem) return problem;
  return namespaceId === "" ? (namespaces.find(name) ?? namespaceNotFound(name)) : namespaces.byId(namespaceId);
}

/** For namespaces that the command line asks for: the request that a client would send. */
export function draftOf(
  request: Pick<workflowservice.RegisterNamespaceRequest, "namespace"> &
    Partial<workflowservice.RegisterNamespaceRequest>,
): Omit<Namespace, "id" | "state"> | Rejection {
  const { namespace: name, description = "", ownerEmail = "", data = {} } = request;
  const retentionMs = durationMs(request.workflowExecutionRetentionPeriod);
  const refused =
    nameProblem(name) ??
    retentionProblem(retentionMs) ??
    textProblem({ description, ownerEmail, data }) ??
    archivalProblem(request) ??
    (request.isGlobalNamespace
      ? invalid("A global namespace needs replication, which this cluster does not have.")
      : undefined) ??
    clusterProblem(request.activeClusterName, request.clusters);
  if (refused) return refused;
  return {
    name,
    description,
    ownerEmail,
    data,
    retentionMs,
    badBinaries: { binaries: {} },
  };
}

/** What the request changes is what it has; the rest stays. */
function update(
  current: Namespace,
  request: workflowservice.UpdateNamespaceRequest,
  nowMs: number,
): Namespace | Rejection {
  const { updateInfo, config, replicationConfig } = request;
  const info = {
    description: updateInfo?.description || current.description,
    ownerEmail: updateInfo?.ownerEmail || current.ownerEmail,
    data: { ...current.data, ...updateInfo?.data },
  };
  const state = updateInfo && updateInfo.state !== UNSPECIFIED ? updateInfo.state : current.state;
  const retentionMs = durationMs(config?.workflowExecutionRetentionTtl) || current.retentionMs;
  const badBinaries = mergeBadBinaries(current, request, nowMs);
  const refused =
    textProblem(info) ??
    stateProblem(current.state, state) ??
    (retentionMs === current.retentionMs ? undefined : retentionProblem(retentionMs)) ??
    archivalProblem(config ?? {}) ??
    (request.promoteNamespace
      ? invalid("A global namespace needs replication, which this cluster does not have.")
      : undefined) ??
    clusterProblem(replicationConfig?.activeClusterName, replicationConfig?.clusters);
  if (refused) return refused;
  if (badBinaries instanceof Rejection) return badBinaries;
  return { ...current, ...info, state, retentionMs, badBinaries };
}

function mergeBadBinaries(
  { badBinaries }: Namespace,
  { config, deleteBadBinary }: workflowservice.UpdateNamespaceRequest,
  nowMs: number,
): messages.BadBinaries | Rejection {
  const binaries = new Map(Object.entries(badBinaries.binaries));
  if (deleteBadBinary !== "" && !binaries.delete(deleteBadBinary))
    return invalid(`Bad binary checksum ${deleteBadBinary} doesn't exists.`);
  for (const [checksum, bad] of Object.entries(config?.badBinaries?.binaries ?? {}))
    binaries.set(checksum, { ...bad, createTime: toTimestamp(nowMs) });
  if (binaries.size > limits.badBinariesMax)
    return invalid(`Bad binaries exceed the limit of ${limits.badBinariesMax}.`);
  return { binaries: Object.fromEntries(binaries) };
}

function description(
  namespace: Namespace,
  aliases: ReadonlyMap<string, string>,
): Init<workflowservice.DescribeNamespaceResponse> {
  const { id, name, state, description: text, ownerEmail, data } = namespace;
  return {
    namespaceInfo: {
      ...{ id, name, state, description: text, ownerEmail, data },
      capabilities: namespaceCapabilities,
      limits: { blobSizeLimitError: limits.blobBytesMax, memoSizeLimitError: limits.memoBytesMax },
      supportsSchedules: true,
    },
    config: { ...configOf(namespace), customSearchAttributeAliases: Object.fromEntries(aliases) },
    replicationConfig: {
      activeClusterName: clusterName,
      clusters: [{ clusterName }],
      state: enums.ReplicationState.NORMAL,
    },
    isGlobalNamespace: false,
    failoverVersion: 0,
  };
}

function invalid(message: string): Rejection {
  return new Rejection("INVALID_ARGUMENT", message);
}

function nameProblem(name: string): Rejection | undefined {
  if (name === "") return invalid("Namespace not set on request.");
  // A right in a namespace of this name would be one in all of them.
  if (name === systemScope) return invalid(`Namespace ${name} stands for the whole system, and cannot be registered.`);
  return Buffer.byteLength(name) > limits.idBytesMax ? invalid("Namespace length exceeds limit.") : undefined;
}

function retentionProblem(retentionMs: number): Rejection | undefined {
  if (retentionMs >= limits.retentionMsMin) return undefined;
  return invalid("A valid retention period is not set on request. It must be at least one hour.");
}

function textProblem({
  description: text,
  ownerEmail,
  data,
}: Pick<Namespace, "description" | "ownerEmail" | "data">): Rejection | undefined {
  if (Buffer.byteLength(text) > limits.namespaceDescriptionBytesMax)
    return invalid(`Namespace description exceeds ${limits.namespaceDescriptionBytesMax} bytes.`);
  if (Buffer.byteLength(ownerEmail) > limits.idBytesMax)
    return invalid(`Namespace owner email exceeds ${limits.idBytesMax} bytes.`);
  const dataBytes = Object.entries(data).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return dataBytes > limits.namespaceDataBytesMax
    ? invalid(`Namespace data exceeds ${limits.namespaceDataBytesMax} bytes.`)
    : undefined;
}

function stateProblem(from: enums.NamespaceState, to: enums.NamespaceState): Rejection | undefined {
  if (from === to || to === REGISTERED || to === DEPRECATED) return undefined;
  const known = Object.entries(enums.NamespaceState).find(([, value]) => value === to)?.[0] ?? String(to);
  return invalid(`Namespace state cannot be set to ${known} by an update.`);
}

type Archival = Partial<Pick<messages.NamespaceConfig, "historyArchivalState" | "visibilityArchivalState">>;

function archivalProblem({ historyArchivalState, visibilityArchivalState }: Archival): Rejection | undefined {
  const { ENABLED } = enums.ArchivalState;
  if (historyArchivalState === ENABLED) return invalid("Cluster is not configured for history archival.");
  return visibilityArchivalState === ENABLED
    ? invalid("Cluster is not configured for visibility archival.")
    : undefined;
}

function clusterProblem(
  active = "",
  clusters: readonly { readonly clusterName: string }[] = [],
): Rejection | undefined {
  const unknown = [active, ...clusters.map((each) => each.clusterName)].find(
    (name) => name !== "" && name !== clusterName,
  );
  return unknown === undefined
    ? undefined
    : invalid(`Invalid cluster name: ${unknown}. The only cluster is "${clusterName}".`);
}
