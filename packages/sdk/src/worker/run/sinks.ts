/** The worker's end of sinks: functions of this process that workflow code calls, after its activation and never while it is replayed, unless they ask for it. */
import { errorMessage } from "../../value/errors.ts";
import type { Logger } from "../../value/logger.ts";
import type { SinkCall } from "../../workflow/run/run-host.ts";
import type { WorkflowInfo } from "../../workflow/run/workflow-info.ts";
import type { Sink, SinkFunction, Sinks } from "../../workflow/sinks.ts";

/** The worker's end of one function. What it throws or rejects with is logged. */
export interface InjectedSinkFunction<F extends SinkFunction> {
  fn(info: WorkflowInfo, ...args: Parameters<F>): void | Promise<void>;
  /** Also while a run is replayed: then it is called again for what it was called for before. Default: false. */
  callDuringReplay?: boolean;
}
/** The worker's end of a {@link Sink}. */
export type InjectedSink<T extends Sink> = { [P in keyof T]: InjectedSinkFunction<T[P]> };
/** The worker's end of what {@link proxySinks} gives to workflow code, by the same names. */
export type InjectedSinks<T extends Sinks> = { [P in keyof T]: InjectedSink<T[P]> };

export class SinkCalls {
  // biome-ignore lint/suspicious/noExplicitAny: the sinks of any user.
  readonly #sinks: InjectedSinks<any>;
  readonly #logger: Logger;

  // biome-ignore lint/suspicious/noExplicitAny: the sinks of any user.
  constructor(sinks: InjectedSinks<any>, logger: Logger) {
    this.#sinks = sinks;
    this.#logger = logger;
  }

  /** Called from inside an activation: the function itself runs when that is over. Never throws. */
  call({ ifaceName, fnName, args, workflowInfo }: SinkCall, isReplaying: boolean): void {
    const about = { sink: `${ifaceName}.${fnName}`, workflowId: workflowInfo.workflowId, runId: workflowInfo.runId };
    const sink = Object.hasOwn(this.#sinks, ifaceName) ? this.#sinks[ifaceName] : undefined;
    const found =
      sink && Object.hasOwn(sink, fnName) ? (sink[fnName] as InjectedSinkFunction<SinkFunction>) : undefined;
    if (isReplaying && !found?.callDuringReplay) return;
    if (!found) return this.#logger.warn("Workflow code called a sink that its worker does not have", about);
    try {
      // Objects of the sandbox must not reach the process, where they would go on living.
      const copies = structuredClone(args);
      queueMicrotask(() => {
        void this.#run(found, workflowInfo, copies, about);
      });
    } catch (error) {
      this.#logger.error("The arguments of a sink cannot be copied", { ...about, error: errorMessage(error) });
    }
  }

  async #run(
    found: InjectedSinkFunction<SinkFunction>,
    info: WorkflowInfo,
    args: unknown[],
    about: Record<string, unknown>,
  ): Promise<void> {
    try {
      await found.fn(info, ...args);
    } catch (error) {
      this.#logger.error("A sink function failed", { ...about, error });
    }
  }
}
