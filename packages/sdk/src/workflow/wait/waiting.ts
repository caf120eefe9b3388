/** The one way in which workflow code waits for something outside: ask, be told, or be cancelled. */
import type { CancelledFailure } from "../../value/failure.ts";
import { CancellationScope } from "./cancellation-scope.ts";
import type { Waiter } from "./waiters.ts";

/**
 * A promise whose waiter stands in `waiters` under `seq` until it ends. `onCancel` is called when the current scope is cancelled before: it
 * rejects the promise, or asks for the end and leaves it waiting. Rejects at once when the scope is cancelled already.
 */
export function waitFor<T>(
  waiters: Map<number, Waiter<T>>,
  seq: number,
  begin: () => void,
  onCancel: (reason: CancelledFailure, reject: (error: unknown) => void) => void,
): Promise<T> {
  const scope = CancellationScope.current();
  if (scope.consideredCancelled) return Promise.reject(scope.reason);
  return new Promise<T>((resolve, reject) => {
    begin();
    let forget = (): void => undefined;
    const end = (finish: () => void) => {
      waiters.delete(seq);
      forget();
      finish();
    };
    waiters.set(seq, { resolve: (value) => end(() => resolve(value)), reject: (error) => end(() => reject(error)) });
    forget = scope.onCancel((reason) => onCancel(reason, (error) => end(() => reject(error))));
  });
}
