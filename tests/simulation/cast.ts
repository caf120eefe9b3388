/** Who plays in a seed: with everything in every one, each would come to little. */
import type { Chance } from "./chance.ts";

export interface Cast {
  /** Undefined: as many as chance wants when they begin. */
  readonly workflows: number | undefined;
  readonly activities: number;
  readonly schedules: number;
  /** Whether there is a service whose operations workflows call. */
  readonly handlers: boolean;
  /** Whether there are a workflow and an activity that kill every worker that takes them. */
  readonly poison: boolean;
  /** Whether one of the workers is in the server's process and ends with it. */
  readonly embedded: boolean;
}

/**
 * Workflows and nothing else, or schedules, activities of their own and Nexus operations besides, or workflows beside some that kill their workers, or workflows with a
 * worker in the server's process.
 */
export const castNames = ["workflows", "all", "poison", "embedded"] as const;

export type CastName = (typeof castNames)[number];

export function drawCast(chance: Chance, name: CastName): Cast {
  const [poison, embedded] = [name === "poison", name === "embedded"];
  if (name !== "all") return { workflows: undefined, activities: 0, schedules: 0, handlers: false, poison, embedded };
  const some = () => (chance.hits(0.3) ? chance.between(1, 2) : 0);
  const [activities, schedules, handlers] = [some(), some(), chance.hits(0.4)];
  const others = activities + schedules + (handlers ? 1 : 0);
  return {
    workflows: chance.between(others > 1 ? 1 : 2, others > 1 ? 3 : 5),
    activities,
    schedules,
    handlers,
    poison,
    embedded,
  };
}
