import type { Clock, Dispatcher } from "@pawl/server/simulation";
import type { Store } from "@pawl/store";
import type { World } from "./world.ts";

/** What a mutant puts between the server and its surroundings, anew for each process. */
export interface Seams {
  readonly store?: (store: Store, world: World) => Store;
  readonly clock?: (clock: Clock) => Clock;
  readonly dispatcher?: (dispatcher: Dispatcher, world: World) => Dispatcher;
}

export interface Mutant {
  readonly name: string;
  readonly make: () => Seams;
}
