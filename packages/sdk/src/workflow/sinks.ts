/** Sinks: calls from workflow code to functions of the worker's process, one way. They return nothing and cannot fail the workflow. */
import { getRun } from "./run/current-run.ts";

/** What it returns is not heard by workflow code. */
// biome-ignore lint/suspicious/noExplicitAny: the functions of any user.
export type SinkFunction = (...args: any[]) => void;
/** Functions by their names. */
export type Sink = Record<string, SinkFunction>;
/** Sinks by their names. */
export type Sinks = Record<string, Sink>;

/** Functions that call the worker's `sinks` of these names. Their arguments must be values that can be copied: functions cannot. */
export function proxySinks<T extends Sinks>(): T {
  return new Proxy({} as T, {
    get(_, ifaceName) {
      if (typeof ifaceName !== "string") throw new TypeError("a sink's name is a string");
      return new Proxy(
        {},
        {
          get(_, fnName) {
            if (typeof fnName !== "string") throw new TypeError("a sink function's name is a string");
            return (...args: unknown[]) => {
              const run = getRun("a sink");
              run.host.sink({ ifaceName, fnName, args, workflowInfo: run.info }, run.isReplaying);
            };
          },
        },
      );
    },
  });
}
