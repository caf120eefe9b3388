/** Why an activity was cancelled. */
export interface ActivityCancellationDetails {
  /** The workflow asked for it. */
  readonly cancelRequested: boolean;
  /** The server knows the attempt no more: it timed out, or its workflow has closed. */
  readonly notFound: boolean;
  readonly paused: boolean;
  readonly reset: boolean;
  readonly timedOut: boolean;
  readonly workerShutdown: boolean;
}
