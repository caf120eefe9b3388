/**
 * Ends workflow code that does not let go: an endless loop would otherwise hold the whole process. One watch spans a whole workflow task, because
 * each costs a thread's start (about 0.1 ms).
 */
import vm from "node:vm";

const script = new vm.Script("globalThis[Symbol.for('pawl.watched')]()");
const slot = Symbol.for("pawl.watched");

export class WorkflowCodeStuck extends Error {
  constructor(timeoutMs: number) {
    super(
      `[TMPRL1101] workflow code ran for ${timeoutMs} ms without waiting for anything: potential deadlock. Work that takes long belongs in an activity`,
    );
    this.name = "DeadlockError";
  }
}

/** Runs `work` to its end. Throws {@link WorkflowCodeStuck} when that takes longer than `timeoutMs`. */
export function watched<T>(timeoutMs: number, work: () => T): T {
  let result: { value: T } | undefined;
  const global = globalThis as { [slot]?: (() => void) | undefined };
  global[slot] = () => {
    result = { value: work() };
  };
  try {
    script.runInThisContext({ timeout: Math.ceil(timeoutMs), breakOnSigint: false });
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw new WorkflowCodeStuck(timeoutMs);
    throw error;
  } finally {
    global[slot] = undefined;
  }
  return result!.value;
}
