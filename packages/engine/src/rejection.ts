import { type Codec, errordetails, type Init } from "@pawl/protocol";

/** Codes of gRPC that a refusal may carry; `rpc` maps them to numbers once. */
export type RejectionCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "UNAUTHENTICATED";

/** The message that SDKs decode to tell refusals apart; sent as the first of the status details. */
export interface RejectionDetail {
  readonly typeName: string;
  readonly bytes: Uint8Array;
}

export function detail<T>(codec: Codec<T>, message: Init<T>): RejectionDetail {
  return { typeName: codec.typeName, bytes: codec.encode(message) };
}

const notFoundDetail = detail(errordetails.NotFoundFailure, {});

/**
 * A refusal that changed nothing: a value, not an exception, because it is an expected answer to a caller.
 * `message` is for people: it names the field or thing and the rule.
 */
export class Rejection {
  readonly code: RejectionCode;
  readonly message: string;
  readonly detail: RejectionDetail | undefined;

  /** Whatever was not found, SDKs know it by the detail. */
  constructor(code: RejectionCode, message: string, detail = code === "NOT_FOUND" ? notFoundDetail : undefined) {
    this.code = code;
    this.message = message;
    this.detail = detail;
  }
}
