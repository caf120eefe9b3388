/** Options of `sleep`, and of `condition` with a timeout. */
export interface TimerOptions {
  /** One line that user interfaces show. */
  readonly summary?: string;
}
