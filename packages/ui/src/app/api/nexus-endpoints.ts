/** Nexus endpoints as the API shows them. */
import { ask } from "./ask.ts";

export interface EndpointSpec {
  readonly name: string;
  readonly description?: unknown;
  readonly target?: {
    readonly worker?: { readonly namespace: string; readonly taskQueue: string };
    readonly external?: { readonly url: string };
  };
}

export interface Endpoint {
  readonly id: string;
  readonly version?: string;
  readonly spec: EndpointSpec;
  readonly createdTime?: string;
  readonly lastModifiedTime?: string;
}

export function listEndpoints(after: string | undefined, signal: AbortSignal) {
  const query = { pageSize: "50", nextPageToken: after };
  return ask<{ endpoints?: readonly Endpoint[]; nextPageToken?: string }>(["nexus", "endpoints"], { query, signal });
}

export function createEndpoint(spec: EndpointSpec) {
  return ask(["nexus", "endpoints"], { body: { spec } });
}

/** Refused when somebody else has changed it since `version` was read. */
export function updateEndpoint({ id, version }: Endpoint, spec: EndpointSpec) {
  return ask(["nexus", "endpoints", id, "update"], { body: { version, spec } });
}

export function deleteEndpoint({ id, version }: Endpoint) {
  return ask(["nexus", "endpoints", id], { method: "DELETE", query: { version } });
}
