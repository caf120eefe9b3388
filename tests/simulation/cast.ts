/** Who plays in a seed: with everything in every one, each would come to little. */
import type { Chance } from "./chance.ts";

export interface Cast {
  readonly workflows: number;
  readonly activities: number;
  readonly schedules: number;
  /** Whether there is a service whose operations workflows call. */
  readonly handlers: boolean;
}

export function drawCast(chance: Chance): Cast {
  const some = () => (chance.hits(0.3) ? chance.between(1, 2) : 0);
  const [activities, schedules, handlers] = [some(), some(), chance.hits(0.4)];
  const others = activities + schedules + (handlers ? 1 : 0);
  const workflows = others > 1 ? chance.between(1, 2) : chance.between(2, 4);
  return { workflows, activities, schedules, handlers };
}
