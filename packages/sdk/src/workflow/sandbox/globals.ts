/** The globals of the sandbox that must not be those of the process: time, random numbers, timers, and what would let one run see another or the world. */
import type { LogLevel } from "../../value/logger.ts";
import { getRun } from "../run/current-run.ts";
import { clearTimeoutInWorkflow, setTimeoutInWorkflow } from "../wait/timer.ts";

type Global = Record<string, unknown>;

export function installGlobals(target: Global): void {
  installDate(target);
  Object.defineProperty(Math, "random", { value: () => getRun("Math.random()").random(), configurable: true });
  target["setTimeout"] = setTimeoutInWorkflow;
  target["clearTimeout"] = clearTimeoutInWorkflow;
  target["queueMicrotask"] = (callback: () => void) => {
    const run = getRun("queueMicrotask()");
    Promise.resolve()
      .then(callback)
      .catch((error) => run.failTask(error));
  };
  target["console"] = workflowConsole();
  forbid(target, "WeakRef", "whether an object is still there depends on the garbage collector");
  forbid(target, "FinalizationRegistry", "when it calls depends on the garbage collector");
  // Shared memory and compiled modules would be ways for the world to reach in.
  for (const name of ["SharedArrayBuffer", "Atomics", "WebAssembly"]) delete target[name];
}

/** `Date` with the workflow's time: that of the current workflow task. */
function installDate(target: Global): void {
  const RealDate = Date;
  const now = () => getRun("Date").nowMs;
  function WorkflowDate(this: unknown, ...args: unknown[]): unknown {
    if (!new.target) return new RealDate(now()).toString();
    return Reflect.construct(RealDate, args.length === 0 ? [now()] : args, new.target);
  }
  WorkflowDate.prototype = RealDate.prototype;
  Object.assign(WorkflowDate, { now, parse: RealDate.parse, UTC: RealDate.UTC });
  Object.defineProperty(WorkflowDate, "name", { value: "Date" });
  Object.defineProperty(WorkflowDate, "length", { value: 7 });
  Object.defineProperty(RealDate.prototype, "constructor", { value: WorkflowDate });
  target["Date"] = WorkflowDate;
  // A format without a date formats the present.
  const { prototype } = Intl.DateTimeFormat;
  const format = Object.getOwnPropertyDescriptor(prototype, "format")!.get!;
  const { formatToParts } = prototype;
  Object.defineProperty(prototype, "format", {
    get(this: Intl.DateTimeFormat) {
      const real = format.call(this) as (date?: Date | number) => string;
      return (date?: Date | number) => real(date ?? now());
    },
  });
  prototype.formatToParts = function (this: Intl.DateTimeFormat, date?: Date | number) {
    return formatToParts.call(this, date ?? now());
  };
}

function forbid(target: Global, name: string, why: string): void {
  target[name] = class {
    constructor() {
      throw new Error(`${name} is not deterministic (${why}) and cannot be used in workflow code`);
    }
  };
}

function workflowConsole(): Global {
  const level =
    (name: LogLevel) =>
    (...values: unknown[]) => {
      const text = values.map((value) => (typeof value === "string" ? value : safeJson(value))).join(" ");
      getRun("console").log(name, text);
    };
  return {
    log: level("INFO"),
    info: level("INFO"),
    warn: level("WARN"),
    error: level("ERROR"),
    debug: level("DEBUG"),
    trace: level("TRACE"),
  };
}

function safeJson(value: unknown): string {
  try {
    return value instanceof Error ? (value.stack ?? value.message) : (JSON.stringify(value) ?? String(value));
  } catch {
    return String(value);
  }
}
