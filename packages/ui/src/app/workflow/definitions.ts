/** The names that a workflow's code has given handlers; none where its SDK does not say, or no worker is there. */
import { queryWorkflow, type RunAddress } from "../api/workflows.ts";
import { decodedValue } from "../codec/decode.ts";

const metadata = "__temporal_workflow_metadata";

export interface Definitions {
  readonly queries: readonly string[];
  readonly signals: readonly string[];
  readonly updates: readonly string[];
}

interface Known {
  readonly definition?: {
    readonly queryDefinitions?: readonly { readonly name?: string }[];
    readonly signalDefinitions?: readonly { readonly name?: string }[];
    readonly updateDefinitions?: readonly { readonly name?: string }[];
  };
}

export async function readDefinitions(address: RunAddress): Promise<Definitions> {
  const { queryResult } = await queryWorkflow(address, metadata, []);
  const { definition = {} } = ((await decodedValue(address.namespace, queryResult?.[0])) ?? {}) as Known;
  const namesOf = (list: readonly { readonly name?: string }[] = []) =>
    list.map(({ name = "" }) => name).filter((name) => !name.startsWith("__"));
  return {
    queries: namesOf(definition.queryDefinitions),
    signals: namesOf(definition.signalDefinitions),
    updates: namesOf(definition.updateDefinitions),
  };
}
