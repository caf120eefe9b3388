/** `@pawl/server/simulation`: a whole server without a network, whose clock, store and random numbers the simulation provides. */
export { type Cancel, type Clock, ManualClock } from "../clock.ts";
export { type Random, seededRandom } from "../random.ts";
export type { Dispatcher, Started } from "../shard/dispatcher.ts";
export { shardOf } from "../shard/ring.ts";
export { Unavailable } from "../shard/unavailable.ts";
export { refusalOf } from "./faults.ts";
export { InProcess, TestCall, testNamespace } from "./in-process.ts";
