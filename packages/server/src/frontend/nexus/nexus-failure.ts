/**
 * Failures between Nexus, where a failure is a message with free-form details, and this API. What the other side cannot say in its own words
 * travels in the details and comes back as it was.
 */
import { common, enums, failure, type nexus } from "@pawl/protocol";
import { messageFromJson, messageToJson, parseJson } from "@pawl/protocol/json";
import { limits } from "../../limits.ts";

const failureType = "temporal.api.failure.v1.Failure";
const { NexusHandlerErrorRetryBehavior: RetryBehavior } = enums;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Whether details can be read, as JSON, by whoever gets the failure. */
export function hasReadableDetails(given: nexus.Failure | undefined): boolean {
  for (let one = given; one; one = one.cause)
    if (one.details.length > 0 && jsonOf(one.details) === undefined) return false;
  return true;
}

/** What a handler said in Nexus' form. One that this API's failures were put into comes back as they were. */
export function fromNexusFailure(given: nexus.Failure): failure.Failure {
  const { message, stackTrace, metadata, details } = given;
  const cause = given.cause && fromNexusFailure(given.cause);
  if (metadata["type"] === failureType) {
    const kept = keptFailure(details);
    if (kept) return { ...kept, message, stackTrace, cause: cause ?? kept.cause };
  }
  const isPlain = Object.keys(metadata).length === 0 && details.length === 0;
  return failure.Failure.create({
    ...{ message, stackTrace, cause },
    ...(!isPlain && {
      applicationFailureInfo: failure.ApplicationFailureInfo.create({
        type: "NexusFailure",
        details: { payloads: [jsonPayload(bareOf(given))] },
      }),
    }),
  });
}

/** A failure of this API in Nexus' form. */
export function toNexusFailure({ message, stackTrace, cause, ...rest }: failure.Failure): nexus.Failure {
  const json = messageToJson(failureType, failure.Failure.encode(rest), { shorthand: false });
  return {
    ...{ message, stackTrace },
    metadata: { type: failureType },
    details: encoder.encode(typeof json === "string" ? json : JSON.stringify(json)),
    cause: cause && toNexusFailure(cause),
  };
}

function keptFailure(details: Uint8Array): failure.Failure | undefined {
  try {
    const json = parseJson(decoder.decode(details));
    const bytes = messageFromJson(failureType, json, { shorthand: false });
    return failure.Failure.decode(bytes, limits.nexusDetailsDepthReserve);
  } catch {
    // Another version's failure, or somebody who borrowed the name.
    return undefined;
  }
}

/** The Nexus failure without what the API's failure says by itself. */
function bareOf({ metadata, details, cause }: nexus.Failure): object {
  return {
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(details.length > 0 && { details: jsonOf(details) }),
    ...(cause && { cause: { message: cause.message, ...bareOf(cause) } }),
  };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

function jsonPayload(value: object): common.Payload {
  const metadata = { encoding: encoder.encode("json/plain") };
  return common.Payload.create({ metadata, data: encoder.encode(JSON.stringify(value)) });
}

/** A failure of the kind that only handlers have. */
export function handlerFailure(
  type: string,
  message = "",
  more: { cause?: failure.Failure | undefined; retryBehavior?: enums.NexusHandlerErrorRetryBehavior } = {},
): failure.Failure {
  const { cause, retryBehavior = RetryBehavior.UNSPECIFIED } = more;
  return failure.Failure.create({ message, cause, nexusHandlerFailureInfo: { type, retryBehavior } });
}

/** Errors of the caller's making: they would be the same the next time. */
const final: readonly string[] = [
  "BAD_REQUEST",
  "UNAUTHENTICATED",
  "UNAUTHORIZED",
  "NOT_FOUND",
  "CONFLICT",
  "NOT_IMPLEMENTED",
];

/** Whether a request that was refused so may be made again. A type that is not known may. */
export function isRetryable({ nexusHandlerFailureInfo: info }: failure.Failure): boolean {
  if (info?.retryBehavior === RetryBehavior.RETRYABLE) return true;
  if (info?.retryBehavior === RetryBehavior.NON_RETRYABLE) return false;
  return !final.includes(info?.type ?? "");
}

/** An operation that was cancelled ends with a failure that says so, whatever its handler made of it. */
export function asCanceled(given: failure.Failure): failure.Failure {
  if (given.canceledFailureInfo) return given;
  const { message, stackTrace, cause } = given;
  return failure.Failure.create({
    message,
    stackTrace,
    cause,
    canceledFailureInfo: failure.CanceledFailureInfo.create({}),
  });
}
