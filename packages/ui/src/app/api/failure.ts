/** Failures as the API gives them. */
export interface Failure {
  readonly message?: string;
  readonly stackTrace?: string;
  readonly source?: string;
  readonly cause?: Failure;
  readonly applicationFailureInfo?: {
    readonly type?: string;
    readonly nonRetryable?: boolean;
    readonly details?: readonly unknown[];
  };
  readonly timeoutFailureInfo?: { readonly timeoutType?: string };
}

/** What went wrong first: the innermost cause that says something. */
function rootCause(failure: Failure): Failure {
  let found = failure;
  for (let at: Failure | undefined = failure; at; at = at.cause) if (at.message || at.timeoutFailureInfo) found = at;
  return found;
}

export function failureText(failure: Failure): string {
  const { message = "", applicationFailureInfo, timeoutFailureInfo } = rootCause(failure);
  if (timeoutFailureInfo)
    return `${message || "timed out"} (${(timeoutFailureInfo.timeoutType ?? "").replace("TIMEOUT_TYPE_", "").toLowerCase().replaceAll("_", " ")})`;
  const type = applicationFailureInfo?.type;
  return type ? `${type}: ${message}` : message || "no message";
}
