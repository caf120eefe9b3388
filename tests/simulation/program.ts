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

function drawStep(chance: Chance, bounds: Bounds, id: string): Step {
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

function drawMs(chance: Chance): number {
  return chance.hits(0.1) ? chance.between(100_000, 300_000) : chance.skewed(1, 20_000);
}

function drawScript(chance: Chance): ActivityScript {
  return {
    failures: chance.hits(0.3) ? chance.between(1, 3) : 0,
    attemptsMax: chance.pick([0, 0, 1, 2, 5]),
    workMs: chance.skewed(0, 8_000),
    heartbeats: chance.hits(0.3) ? chance.between(1, 4) : 0,
    finalFailure: chance.hits(0.1),
  };
}
