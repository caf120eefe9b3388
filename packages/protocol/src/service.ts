/**
 * The method table of WorkflowService and OperatorService: what a server must answer and how its messages are encoded.
 * Generated from the API's descriptors; everything that walks over all RPCs (registration, HTTP routes, fuzzing) walks over this.
 */
import { methods } from "./gen/methods.js";
import type { Codec } from "./wire.js";

export interface HttpBinding {
  readonly verb: "GET" | "POST" | "PUT" | "DELETE" | "PATCH";
  /** A google.api.http path template, e.g. `/api/v1/namespaces/{namespace}/workflows/{execution.workflow_id}`. */
  readonly path: string;
  readonly body?: string;
}

export interface Method<Request = unknown, Response = unknown> {
  readonly service: string;
  readonly name: string;
  /** The gRPC path, `/<service>/<name>`. */
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
  readonly http: readonly HttpBinding[];
}

export type MethodName = keyof typeof methods;
export type RequestOf<N extends MethodName> = (typeof methods)[N] extends Method<infer R, unknown> ? R : never;
export type ResponseOf<N extends MethodName> = (typeof methods)[N] extends
  | Method<never, infer R>
  | Method<infer _, infer R>
  ? R
  : never;

export { methods };
