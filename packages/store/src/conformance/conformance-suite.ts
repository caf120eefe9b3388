/** The door for tests of a store that need more than this package, such as a server of another program. */

export { exerciseStore } from "./conformance.ts";
export { exerciseEquivalence, seed, visibilityFilter, visibilityRow } from "./conformance-equivalence.ts";
export { historyWrite, partWrite, runWrite, visibilityWrite, wholeHistory } from "./conformance-samples.ts";
