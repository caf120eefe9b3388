/**
 * Authentication and authorization, as transports see them. `call.ts` and the HTTP server ask the gate at each call from another process; `access/` implements
 * it. A server without a gate lets every caller do everything.
 */
import type { Method } from "@pawl/protocol";
import type { Incoming, Status, StatusCode } from "./transport.ts";

export interface Gate {
  /** Whether who calls need not say who he is: health, what a signed link or token already allows, public documents. */
  isOpen(operation: string): boolean;
  /** The visit of a caller who has said who he is, or the refusal. */
  enter(incoming: Incoming): Visit | Status | Promise<Visit | Status>;
}

/** One call of one caller. */
export interface Visit {
  /** Why he may not make this call of the API, or undefined. */
  admit(method: Method, request: unknown): Status | undefined;
  /** The same for what is no method of the API: a route of HTTP, a stream. `namespace` as its path or body names it. */
  admitTo(operation: string, namespace?: string): Status | undefined;
  /** What of an answer he may see. */
  shown<Response>(method: Method, response: Response): Response;
  /** The call has been answered. */
  ended(code: StatusCode): void;
}
