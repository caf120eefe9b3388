/** Failures that are too large for a history, and those that the server makes in their place. */
import { failure } from "@pawl/protocol";
import { limits } from "../limits.ts";

/** A failure of the server's own, which like the reference server's names no source. Activities that end with one are not tried again. */
export function serverFailure(message: string): failure.Failure {
  return failure.Failure.create({ message, serverFailureInfo: { nonRetryable: true } });
}

/** The failure as it is or, when it is too large, one that says so, with the beginning of the given one as its cause. */
export function fittingFailure(given: failure.Failure | undefined): failure.Failure | undefined {
  if (!given || failure.Failure.encode(given).length <= limits.blobBytesMax) return given;
  return { ...serverFailure("Failure exceeds size limit."), cause: beginningOf(given) };
}

function beginningOf({ message, stackTrace, source, applicationFailureInfo: info }: failure.Failure): failure.Failure {
  const cut = (text: string) => text.slice(0, limits.failureTextCharsMax);
  return failure.Failure.create({
    message: cut(message),
    stackTrace: cut(stackTrace),
    source: cut(source),
    ...(info && { applicationFailureInfo: { ...info, type: cut(info.type), details: undefined } }),
  });
}
