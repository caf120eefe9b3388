/** A promise that is resolved from outside of it: by a signal handler, say. */
import { CancellationScope } from "./cancellation-scope.ts";

/** A promise that is resolved from outside of it: by a signal handler, say. */
export class Trigger<T> implements PromiseLike<T> {
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason?: unknown) => void;
  // biome-ignore lint/suspicious/noThenProperty: a trigger is awaited as a promise is.
  readonly then: PromiseLike<T>["then"];

  /** Rejects by itself when the current scope is cancelled. */
  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // biome-ignore lint/suspicious/noThenProperty: a trigger is awaited as a promise is.
    this.then = (onResolve, onReject) => promise.then(onResolve, onReject);
    this.resolve = resolve;
    this.reject = reject;
    const scope = CancellationScope.current();
    if (scope.consideredCancelled) reject(scope.reason);
    else scope.onCancel(reject);
    // Nobody has to wait for it.
    promise.catch(() => undefined);
  }
}
