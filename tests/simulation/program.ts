/**
 * Made-up workflows as data, given to each run as its input. A stage begins when the one before is over; its steps go on side by side. What a workflow
 * task commands follows from program and history alone: whatever the stage wants and history does not have yet.
 */
import type { Chance } from "./chance.ts";

export type Step =
  | { readonly do: "activity"; readonly id: string; readonly script: ActivityScript }
  | { readonly do: "timer"; readonly id: string; readonly ms: number }
  /** The activity is cancelled when the timer fires first, the timer when the activity ends first. */
  | { readonly do: "race"; readonly id: string; readonly ms: number; readonly script: ActivityScript }
  | {
      readonly do: "child";
      readonly id: string;
      readonly program: Program;
      readonly policy: 1 | 2 | 3;
      readonly awaited: boolean;
    }
  /** Another workflow of this world is sent a signal, which may not exist (any more). */
  | { readonly do: "signalOther"; readonly id: string; readonly workflowId: string }
  | { readonly do: "cancelOther"; readonly id: string; readonly workflowId: string }
  /** An operation of another service; when the timer fires first, it is asked to stop. Without `ms` it may take as long as it likes. */
  | {
      readonly do: "nexus";
      readonly id: string;
      readonly ms: number | undefined;
      /** How long the operation may take for the caller. 0 = no limit. */
      readonly timeoutMs: number;
      readonly script: OperationScript;
    }
  /** Until this many signals have come. */
  | { readonly do: "signals"; readonly count: number }
  | { readonly do: "marker"; readonly id: string };

/** What the worker does with each attempt. */
export interface ActivityScript {
  /** Attempts that fail. */
  readonly failures: number;
  /** 0 = no limit. */
  readonly attemptsMax: number;
  readonly workMs: number;
  readonly heartbeats: number;
  readonly finalFailure: boolean;
  /** Whoever tries it dies of it. */
  readonly kills?: true;
}

/** What a handler makes of an operation. */
export interface OperationScript {
  /** A workflow of this program works on it. Undefined: it is answered at once. */
  readonly program: Program | undefined;
  readonly fails: boolean;
  /** How likely it is, each time, that the handler cannot answer just now. */
  readonly refusals: number;
}

export interface Program {
  readonly stages: readonly (readonly Step[])[];
  readonly end: { readonly type: "complete" | "fail" } | { readonly type: "continueAsNew"; readonly program: Program };
}

export interface Bounds {
  readonly workflowIds: readonly string[];
  /** How deep children may have children. */
  readonly depth: number;
  /** Only a workflow to which somebody keeps sending signals may wait for them. */
  readonly waitsForSignals: boolean;
  /** Whether there is a service whose operations can be called. */
  readonly calls: boolean;
}

export function drawProgram(chance: Chance, bounds: Bounds, name = "p"): Program {
  let steps = 0;
  const stages = chance.list(1, 4, () => chance.list(1, 3, () => drawStep(chance, bounds, `${name}.${++steps}`)));
  const again = bounds.depth > 0 && chance.hits(0.2);
  const next = again && drawProgram(chance, { ...bounds, depth: bounds.depth - 1 }, `${name}'`);
  return {
    stages,
    end: next ? { type: "continueAsNew", program: next } : { type: chance.hits(0.15) ? "fail" : "complete" },
  };
}

/** Short, and on its own: what others start again and again. */
export function drawErrand(chance: Chance, name: string): Program {
  const bounds = { workflowIds: ["nobody"], depth: 0, waitsForSignals: false, calls: false };
  return drawProgram(chance, bounds, name);
}

function drawStep(chance: Chance, bounds: Bounds, id: string): Step {
  if (bounds.calls && chance.hits(0.25)) return drawOperation(chance, id);
  const kind = chance.between(0, 19);
  if (kind < 7) return { do: "activity", id, script: drawScript(chance) };
  if (kind < 10) return { do: "timer", id, ms: drawMs(chance) };
  if (kind < 12) return { do: "race", id, ms: drawMs(chance), script: drawScript(chance) };
  if (kind < 15 && bounds.depth > 0) {
    const program = drawProgram(chance, { ...bounds, depth: bounds.depth - 1, waitsForSignals: false }, `${id}c`);
    return { do: "child", id, program, policy: chance.pick([1, 2, 3] as const), awaited: chance.hits(0.7) };
  }
  const workflowId = chance.pick(bounds.workflowIds);
  if (kind < 16) return { do: "signalOther", id, workflowId };
  if (kind < 17 && chance.hits(0.3)) return { do: "cancelOther", id, workflowId };
  if (kind < 18 && bounds.waitsForSignals) return { do: "signals", count: chance.between(1, 3) };
  return { do: "marker", id };
}

function drawOperation(chance: Chance, id: string): Step {
  const script = {
    program: chance.hits(0.7) ? drawErrand(chance, `${id}n`) : undefined,
    fails: chance.hits(0.2),
    refusals: chance.hits(0.3) ? 0.3 : 0,
  };
  const timeoutMs = chance.hits(0.2) ? chance.between(5_000, 120_000) : 0;
  return { do: "nexus", id, ms: chance.hits(0.3) ? drawMs(chance) : undefined, timeoutMs, script };
}

function drawMs(chance: Chance): number {
  return chance.hits(0.1) ? chance.between(100_000, 300_000) : chance.skewed(1, 20_000);
}

export function drawScript(chance: Chance): ActivityScript {
  return {
    failures: chance.hits(0.3) ? chance.between(1, 3) : 0,
    attemptsMax: chance.pick([0, 0, 1, 2, 5]),
    workMs: chance.skewed(0, 8_000),
    heartbeats: chance.hits(0.3) ? chance.between(1, 4) : 0,
    finalFailure: chance.hits(0.1),
  };
}
