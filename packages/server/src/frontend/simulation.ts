/** A door for simulations: a whole server on a clock, a store and chance that the simulation makes, without a network. */
export { type Cancel, type Clock, ManualClock } from "../clock.ts";
export { type Random, seededRandom } from "../random.ts";
export type { Dispatcher, Started } from "../shard/dispatcher.ts";
export { shardOf } from "../shard/ring.ts";
export { Unavailable } from "../shard/unavailable.ts";
export { refusalOf } from "./faults.ts";
export { InProcess, TestCall, testNamespace } from "./in-process.ts";
