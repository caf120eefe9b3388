/** What users have registered (namespaces, search attributes, …), read at the start, with what the configuration asks for added to it. */
import { Rejection } from "@pawl/engine";
import { type OpenConfig, StartFailure } from "../config.ts";
import { DeploymentRegistry } from "../frontend/deployment/deployment-registry.ts";
import { draftOf } from "../frontend/namespace/namespace.ts";
import { type Namespace, NamespaceRegistry } from "../frontend/namespace/namespace-registry.ts";
import { NexusEndpointRegistry } from "../frontend/nexus/nexus-endpoint-registry.ts";
import type { Parts } from "../frontend/parts.ts";
import { Tokens } from "../frontend/tokens.ts";
import { typeOfName } from "../frontend/visibility/search-attribute.ts";
import { SearchAttributeRegistry } from "../frontend/visibility/search-attribute-registry.ts";
import { limits } from "../limits.ts";
import type { RingParts } from "../shard/ring.ts";

/** Throws `StartFailure` when the configuration asks for what there cannot be. */
export async function loadRegistered(
  { namespaces: names = [], searchAttributes: wanted = {} }: OpenConfig,
  { store, random, clock }: Pick<Parts, "store" | "random" | "clock">,
) {
  const namespaces = await NamespaceRegistry.load(store, random);
  const tokens = await Tokens.load(store);
  const searchAttributes = await SearchAttributeRegistry.load(store);
  const nexusEndpoints = await NexusEndpointRegistry.load({ store, random, clock });
  const all = ["default", ...names];
  await makeNamespaces(namespaces, all);
  const made = all.map((name) => namespaces.find(name)!);
  await registerSearchAttributes(searchAttributes, made, wanted);
  return { namespaces, tokens, searchAttributes, nexusEndpoints, deployments: await DeploymentRegistry.load(store) };
}

/** How long closed runs of a namespace are kept. */
export function retentionOf(namespaces: NamespaceRegistry): RingParts["retentionMs"] {
  return (namespaceId) => {
    const namespace = namespaces.byId(namespaceId);
    return namespace instanceof Rejection ? limits.retentionMsDefault : namespace.retentionMs;
  };
}

async function makeNamespaces(namespaces: NamespaceRegistry, names: readonly string[]): Promise<void> {
  for (const name of new Set(names)) {
    if (namespaces.find(name)) continue;
    const seconds = limits.retentionMsDefault / 1_000;
    const draft = draftOf({ namespace: name, workflowExecutionRetentionPeriod: { seconds, nanos: 0 } });
    const made = draft instanceof Rejection ? draft : await namespaces.create(draft);
    // Another node that starts in this moment may have made it.
    if (made instanceof Rejection && made.code !== "ALREADY_EXISTS")
      throw new StartFailure("usage", `namespace ${JSON.stringify(name)}: ${made.message}`);
  }
}

async function registerSearchAttributes(
  custom: SearchAttributeRegistry,
  namespaces: readonly Namespace[],
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const types = Object.entries(wanted).map(([name, text]) => {
    const type = typeOfName(text);
    if (type === undefined)
      throw new StartFailure("usage", `search attribute ${name}: there is no type ${JSON.stringify(text)}`);
    return [name, type] as const;
  });
  if (types.length === 0) return;
  for (const namespace of namespaces) {
    const refused = await custom.add(namespace, Object.fromEntries(types));
    if (refused) throw new StartFailure("usage", refused.message);
  }
}
