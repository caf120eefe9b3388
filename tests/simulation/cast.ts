/** Who plays in a seed: with everything in every one, each would come to little. */
import type { Chance } from "./chance.ts";

export interface Cast {
  /** Undefined: as many as chance wants when they begin. */
  readonly workflows: number | undefined;
  readonly activities: number;
  readonly schedules: number;
  /** Whether there is a service whose operations workflows call. */
  readonly handlers: boolean;
}

/** Workflows and nothing else, or schedules, activities of their own and Nexus operations besides. */
export type CastName = "workflows" | "all";

export function drawCast(chance: Chance, name: CastName): Cast {
  if (name === "workflows") return { workflows: undefined, activities: 0, schedules: 0, handlers: false };
  const some = () => (chance.hits(0.3) ? chance.between(1, 2) : 0);
  const [activities, schedules, handlers] = [some(), some(), chance.hits(0.4)];
  const others = activities + schedules + (handlers ? 1 : 0);
  return { workflows: chance.between(others > 1 ? 1 : 2, others > 1 ? 3 : 5), activities, schedules, handlers };
}
