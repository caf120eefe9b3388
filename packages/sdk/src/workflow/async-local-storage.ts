/** Values that follow asynchronous calls, as `AsyncLocalStorage` of Node does. */
interface Storage<T> {
  run<R, A extends unknown[]>(store: T, work: (...args: A) => R, ...args: A): R;
  getStore(): T | undefined;
}

/** Where there is none: outside of workflows, where workflow modules are loaded for their types and definitions. */
class NoStorage<T> implements Storage<T> {
  run<R>(): R {
    throw new Error(
      "AsyncLocalStorage of @pawl/sdk/workflow works inside a workflow alone; from other code, use node:async_hooks",
    );
  }
  getStore(): T | undefined {
    return undefined;
  }
}

/** Put among the sandbox's globals by the worker. */
const given = (globalThis as { AsyncLocalStorage?: new <T>() => Storage<T> }).AsyncLocalStorage;

/** As Node's, inside the sandbox. `run` throws outside of a workflow, where `getStore` gives `undefined`. */
export const AsyncLocalStorage: new <T>() => Storage<T> = given ?? NoStorage;
export type AsyncLocalStorage<T> = Storage<T>;
