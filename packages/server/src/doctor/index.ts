/** `@pawl/server/doctor`: looks for what is broken, in a store or by asking a server. */
export { type Finding, type Looked, seenInvariants } from "./finding.ts";
export { type Find, ServerCheck } from "./server-check.ts";
export { openState, type StoreInspection } from "./state.ts";
export { StoreCheck } from "./store-check.ts";
