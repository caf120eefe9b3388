/** Why a call is over before its answer, and the signal that says so to its handler (T2). */
import type { Incoming } from "./transport.ts";

export type EndCause = Exclude<ReturnType<Incoming["ended"]>, "no">;

/** One object for all, because making an error for each poll that ends would cost more than the poll. */
const abortReason = new Error("the call has ended");

export class EarlyEnd {
  #cause: EndCause | "no" = "no";
  #controller: AbortController | undefined;

  get cause(): EndCause | "no" {
    return this.#cause;
  }

  /** Made for those who ask: most handlers never do. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#cause !== "no") this.#controller.abort(abortReason);
    }
    return this.#controller.signal;
  }

  /** The first cause is the one that counts. */
  set(cause: EndCause): void {
    if (this.#cause !== "no") return;
    this.#cause = cause;
    this.#controller?.abort(abortReason);
  }
}
