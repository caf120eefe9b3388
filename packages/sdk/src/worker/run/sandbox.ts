/**
 * Where workflow code runs: one context of its own beside Node's, without anything of Node. The SDK's runtime is evaluated in it once; the user's
 * bundle is one function that is called anew for each run, so that no run sees another's modules. The context drains its own microtasks before an
 * evaluation returns: an activation is over when the call is.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import vm from "node:vm";
import type { Activation, WorkflowCommand } from "../../value/activation.ts";
import type { Payload } from "../../value/payload.ts";
// Types alone: its code runs in the sandbox and reaches this file through the context.
import type * as activator from "../../workflow/run/activator.ts";
import { runtimeFile, type Script, sharedModules, userFile } from "../bundle.ts";
import { StackMap } from "./stack-map.ts";

export type TaskFailure = activator.TaskFailure;

/** Workflow code threw what is no failure of the workflow: the task fails, and is tried again. */
export class WorkflowTaskError extends Error {
  readonly failed: TaskFailure;
  constructor(failed: TaskFailure) {
    super(failed.message);
    this.name = failed.name;
    this.stack = failed.stack;
    this.failed = failed;
  }
}

interface Runtime {
  readonly workflow: object;
  readonly common: object;
  readonly nexus: object;
  readonly activator: typeof activator;
}

interface Step {
  run: activator.WorkflowRun | undefined;
  activation: Activation;
  host: activator.RunHost;
}

type UserModules = (
  module: { exports: object },
  exports: object,
  require: (name: string) => object,
  ...globals: object[]
) => void;

/** Which run is at work, also for a rejection that nobody handles. */
const atWork = new AsyncLocalStorage<SandboxRun>();

export class Sandbox {
  readonly stackMap: StackMap;
  readonly #context: vm.Context;
  readonly #runtime: Runtime;
  readonly #load: UserModules;
  readonly #newGlobal: () => object;
  readonly #applyJobs: vm.Script;
  readonly #applyConditions: vm.Script;
  readonly #drain: vm.Script;
  readonly #step: { current: Step | undefined } = { current: undefined };

  constructor(runtime: Script, user: Script) {
    this.stackMap = new StackMap(user.sourceMap);
    const step = this.#step;
    this.#context = vm.createContext(lent(), {
      name: "pawl workflows",
      microtaskMode: "afterEvaluate",
      codeGeneration: { strings: true, wasm: false },
    });
    const parsingContext = this.#context;
    const module = { exports: {} };
    vm.compileFunction(runtime.code, ["module", "exports"], { parsingContext, filename: runtimeFile })(
      module,
      module.exports,
    );
    this.#runtime = module.exports as Runtime;
    const evaluate = <T>(code: string) => vm.runInContext(code, parsingContext) as T;
    const { activator: door, ...shared } = this.#runtime;
    door.installGlobals(evaluate("globalThis"));
    // Before any code of the user has run.
    door.freezeShared(Object.values(shared).flatMap((each) => [each, ...objectsOf(each)]));
    // What a run writes to `globalThis` is its own, and gone with it.
    this.#newGlobal = evaluate("() => Object.create(globalThis)");
    const parameters = ["module", "exports", "require", "globalThis", "self", "global"];
    this.#load = vm.compileFunction(withInlineMap(user), parameters, {
      parsingContext,
      filename: userFile,
    }) as UserModules;
    const driver = { step, ...this.#runtime.activator };
    evaluate<(driver: object) => void>(
      "(driver) => { Object.defineProperty(globalThis, '__pawl', { value: driver }); }",
    )(driver);
    this.#applyJobs = new vm.Script(
      "__pawl.applyJobs(__pawl.step.current.run, __pawl.step.current.activation, __pawl.step.current.host)",
    );
    this.#applyConditions = new vm.Script("__pawl.applyConditions(__pawl.step.current.run)");
    this.#drain = new vm.Script("undefined");
  }

  newRun({ log, metric, sink, activatesPatch, failureTypes = [], isTraced = false }: RunOutlets): SandboxRun {
    const none = () => undefined;
    return new SandboxRun(this, {
      activatesPatch: activatesPatch ?? (() => true),
      ...{ log: log ?? none, metric: metric ?? none, sink: sink ?? none, failureTypes, isTraced },
      now: () => Date.now(),
      load: () => this.#loadModules(),
    });
  }

  activate(
    run: activator.WorkflowRun | undefined,
    activation: Activation,
    host: activator.RunHost,
  ): activator.WorkflowRun {
    const step = { run, activation, host };
    this.#step.current = step;
    const activated = this.#applyJobs.runInContext(this.#context) as activator.WorkflowRun;
    step.run = activated;
    while (activated.conditions.size > 0 && this.#applyConditions.runInContext(this.#context)) {
      // Each round lets code run that may make further conditions hold.
    }
    this.#step.current = undefined;
    return activated;
  }

  finish(run: activator.WorkflowRun) {
    return this.#runtime.activator.finish(run);
  }

  query(run: activator.WorkflowRun, asked: activator.AskedQuery) {
    const answer = this.#runtime.activator.answerQuery(run, asked);
    // What interceptors await has run its course when an evaluation returns.
    if (!answer.outcome) this.#drain.runInContext(this.#context);
    answer.end();
    return answer.outcome!;
  }

  dispose(run: activator.WorkflowRun): void {
    this.#runtime.activator.dispose(run);
  }

  describe(error: unknown): TaskFailure {
    return this.mapped(this.#runtime.activator.describe(error));
  }

  /** The first place in the user's files that a stack names. */
  placeIn(stack: string): string | undefined {
    const frame = stack.split("\n").find((line) => line.includes(userFile));
    return frame && /\(?([^\s()]+:\d+:\d+)\)?$/.exec(this.stackMap.apply(frame))?.[1];
  }

  /** A failure with its stack in the user's files, and a word of help for what workflow code lacks. */
  mapped(failed: TaskFailure): TaskFailure {
    const stack = this.stackMap.apply(failed.stack);
    const message = withRemedy(failed.name, failed.message, stack);
    // What is encoded stays so: the plain words are for this worker's own log.
    if (failed.failure.encodedAttributes) return { ...failed, message, stack };
    return { ...failed, message, stack, failure: { ...this.stackMap.applyToFailure(failed.failure), message } };
  }

  #loadModules(): activator.UserCode {
    const module = { exports: {} as activator.UserCode };
    const global = this.#newGlobal();
    const require = (name: string) => {
      if (name === sharedModules[0]) return this.#runtime.workflow;
      if (name === sharedModules[1]) return this.#runtime.common;
      if (name === sharedModules[2]) return this.#runtime.nexus;
      throw new Error(
        `workflow code cannot require ${JSON.stringify(name)}: import it, so that it is part of the bundle`,
      );
    };
    this.#load(module, module.exports, require, global, global, global);
    return module.exports;
  }
}

/** Where what a run says goes; nowhere by default. */
export interface RunOutlets {
  readonly log?: activator.RunHost["log"];
  readonly metric?: activator.RunHost["metric"];
  readonly sink?: activator.RunHost["sink"];
  /** Default: any patch. */
  readonly activatesPatch?: activator.RunHost["activatesPatch"] | undefined;
  /** See `RunHost.failureTypes`. */
  readonly failureTypes?: readonly string[];
  /** See `RunHost.isTraced`. */
  readonly isTraced?: boolean;
}

/** One run in the sandbox. To forget it is enough: nothing outside of it holds it. */
export class SandboxRun {
  readonly #sandbox: Sandbox;
  readonly #host: activator.RunHost;
  #run: activator.WorkflowRun | undefined;
  #unhandled: { error: unknown } | undefined;

  constructor(sandbox: Sandbox, host: activator.RunHost) {
    this.#sandbox = sandbox;
    this.#host = host;
  }

  /** Throws {@link WorkflowTaskError}. */
  activate(activation: Activation): WorkflowCommand[] {
    return atWork.run(this, () => {
      this.#run = this.#sandbox.activate(this.#run, activation, this.#host);
      const finished = this.#sandbox.finish(this.#run);
      if ("failed" in finished) throw new WorkflowTaskError(this.#sandbox.mapped(finished.failed));
      return finished.commands.map((command) => this.#sandbox.stackMap.applyToCommand(command));
    });
  }

  query(asked: activator.AskedQuery): { result: Payload } | { failed: TaskFailure } {
    if (!this.#run) throw new RangeError("a query came before the run's first activation");
    const run = this.#run;
    const answered = atWork.run(this, () => this.#sandbox.query(run, asked));
    return "failed" in answered ? { failed: this.#sandbox.mapped(answered.failed) } : answered;
  }

  /** What its workflow says of its versioning. */
  get versioningBehavior() {
    return this.#run?.definition.versioningBehavior;
  }

  /** Its interceptors hear that it is forgotten. */
  dispose(): void {
    const run = this.#run;
    if (run) atWork.run(this, () => this.#sandbox.dispose(run));
  }

  /** A rejection that nobody handled fails the task. Known one turn of the event loop after the activation. Throws {@link WorkflowTaskError}. */
  checkRejections(): void {
    const unhandled = this.#unhandled;
    this.#unhandled = undefined;
    if (unhandled) throw new WorkflowTaskError(this.#sandbox.describe(unhandled.error));
  }

  rejected(error: unknown): void {
    this.#unhandled ??= { error };
  }
}

let isWatching = false;

/**
 * From now on a rejection that workflow code leaves unhandled is its run's. All others do what they did before: reach the process's other
 * listeners, or end it.
 */
export function watchRejections(): void {
  if (isWatching) return;
  isWatching = true;
  process.on("unhandledRejection", (error, promise) => {
    const run = atWork.getStore();
    if (run && !(promise instanceof Promise)) return run.rejected(error);
    if (process.listenerCount("unhandledRejection") === 1) throw error;
  });
}

/** What the sandbox gets of Node: pure functions over text and bytes, and the storage that follows asynchronous calls. */
function lent() {
  return { TextEncoder, TextDecoder, URL, URLSearchParams, AbortController, AsyncLocalStorage };
}

/** What a module exports stands behind getters. */
function objectsOf(module: object): object[] {
  return Object.values(module).filter(
    (each) => typeof each === "function" || (typeof each === "object" && each !== null),
  );
}

/** So that a debugger shows the user's own files and stops in them. */
function withInlineMap({ code, sourceMap }: Script): string {
  if (sourceMap === undefined) return code;
  const base64 = Buffer.from(sourceMap).toString("base64");
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${base64}`;
}

const remedies: Readonly<Record<string, string>> = {
  process: "pass what it needs as an argument of the workflow, or read it in an activity",
  require:
    "import it at the top of the file, so that it is part of the bundle; Node's own modules belong in an activity",
  fetch: "call it in an activity",
  Buffer: "use Uint8Array, TextEncoder and TextDecoder, or move it to an activity",
  crypto: "use uuid4() of @pawl/sdk/workflow, or move it to an activity",
  performance: "use Date.now(), which is the workflow's own time",
  setInterval: "loop over sleep() of @pawl/sdk/workflow",
  setImmediate: "await Promise.resolve(), or sleep()",
};

function withRemedy(name: string, message: string, stack: string): string {
  if (name === "TypeError" && /object is not extensible|read only property|Cannot redefine property/.test(message)) {
    return `${message} (built-in objects and those of the SDK are shared by all runs, and cannot be changed by one)`;
  }
  const missing = name === "ReferenceError" ? /^(\w+) is not defined/.exec(message)?.[1] : undefined;
  const remedy = missing === undefined || !Object.hasOwn(remedies, missing) ? undefined : remedies[missing];
  if (remedy === undefined) return message;
  const place = /\(?([^\s()]+:\d+:\d+)\)?/.exec(stack.split("\n").find((line) => /^\s+at /.test(line)) ?? "")?.[1];
  return `${missing} is not there in workflow code${place ? ` (${place})` : ""}: ${remedy}`;
}
