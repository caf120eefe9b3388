/** Functions around a call: each may look at its input, change it, and decide how to go on with `next`. The first of a list is the outermost. */
import type { Payload } from "./payload.ts";

/** Travel beside the arguments, from caller to callee. Codecs leave them alone. */
export type Headers = Record<string, Payload>;

// biome-ignore lint/suspicious/noExplicitAny: any function of an interceptor.
type AnyFunction = (...args: any[]) => any;

/** What an interceptor's function calls to go on: the same function without its last parameter. */
export type Next<I, M extends keyof I> = Required<I>[M] extends AnyFunction ? WithoutLast<Required<I>[M]> : never;

type WithoutLast<F extends AnyFunction> = (...args: AllButLast<Parameters<F>>) => ReturnType<F>;
type AllButLast<A extends unknown[]> = A extends [...infer Rest, unknown] ? Rest : never;

/** One function that goes through all interceptors that have `method`, and then to `last`. */
export function composeInterceptors<I, M extends keyof I>(
  interceptors: readonly I[],
  method: M,
  last: Next<I, M>,
): Next<I, M> {
  let next = last as AnyFunction;
  for (const interceptor of interceptors.toReversed()) {
    const intercept = interceptor[method] as AnyFunction | undefined;
    if (intercept === undefined) continue;
    const inner = next;
    next = (input: unknown) => intercept.call(interceptor, input, inner);
  }
  return next as Next<I, M>;
}
