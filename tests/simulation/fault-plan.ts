/**
 * Which faults a seed knows, and how often each comes. Every seed has a random part of them: with all of them in every run, some would hide what
 * others find.
 */
import type { Chance } from "./chance.ts";

/** Probabilities are for each occasion; 0 = never. */
export interface FaultPlan {
  /** A process dies, and another starts on the same disk: between which times, on average. */
  readonly crashEveryMs: number;
  /** Whether now and then one is told to go instead, and does so in order. */
  readonly drains: boolean;
  /** Whether the one before is still alive for a while when the next has taken its shards over. */
  readonly overlaps: boolean;
  readonly commitUnknownApplied: number;
  readonly commitUnknownLost: number;
  readonly commitFull: number;
  readonly readFails: number;
  /** How long the store takes at most. */
  readonly storeDelayMsMax: number;
  /** A commit that takes many seconds. */
  readonly storeStalls: number;
  readonly networkDelayMsMax: number;
  readonly requestLost: number;
  readonly requestTwice: number;
  readonly answerLost: number;
  readonly workerDies: number;
  readonly workerAnswersTwice: number;
  readonly workerIsLate: number;
  readonly workerFailsTask: number;
  /** The server's clock is set: how often, and by how much at most in either direction. */
  readonly clockJumpEveryMs: number;
  readonly clockJumpMsMax: number;
  /** Hardly any state fits the memory, so that it is read from the store again and again. */
  readonly tinyCache: boolean;
  readonly shardCount: number;
  /** How long the faults go on. */
  readonly lastsMs: number;
}

/** `apart`: for what was not always drawn, so that the other chances of a seed stay what they were. */
export function drawFaults(chance: Chance, apart: Chance): FaultPlan {
  const some = (value: number) => (chance.hits(0.4) ? value * (0.3 + chance.between(0, 10) / 10) : 0);
  return {
    crashEveryMs: some(20_000),
    overlaps: chance.hits(0.5),
    commitUnknownApplied: some(0.04),
    commitUnknownLost: some(0.04),
    commitFull: some(0.03),
    readFails: some(0.02),
    storeDelayMsMax: chance.pick([0, 2, 20, 300]),
    storeStalls: some(0.01),
    networkDelayMsMax: chance.pick([0, 5, 100, 2_000]),
    requestLost: some(0.05),
    requestTwice: some(0.08),
    answerLost: some(0.05),
    workerDies: some(0.06),
    workerAnswersTwice: some(0.2),
    workerIsLate: some(0.08),
    workerFailsTask: some(0.05),
    clockJumpEveryMs: some(40_000),
    clockJumpMsMax: chance.pick([1_000, 60_000, 3_600_000]),
    tinyCache: chance.hits(0.2),
    shardCount: chance.pick([1, 2, 4]),
    lastsMs: chance.between(40, 150) * 1_000,
    drains: apart.hits(0.3),
  };
}

/** From here on everything works: what is left undone then was forgotten. */
export function withoutFaults({ shardCount, tinyCache }: FaultPlan): FaultPlan {
  return {
    ...{
      crashEveryMs: 0,
      drains: false,
      overlaps: false,
      commitUnknownApplied: 0,
      commitUnknownLost: 0,
      commitFull: 0,
    },
    ...{ readFails: 0, storeDelayMsMax: 2, storeStalls: 0, networkDelayMsMax: 2, requestLost: 0, requestTwice: 0 },
    ...{ answerLost: 0, workerDies: 0, workerAnswersTwice: 0, workerIsLate: 0, workerFailsTask: 0 },
    ...{ clockJumpEveryMs: 0, clockJumpMsMax: 0, lastsMs: 0, shardCount, tinyCache },
  };
}
