/** Of `sleep` and of `condition` with a limit. */
export interface TimerOptions {
  /** One line that user interfaces show. */
  readonly summary?: string;
}
