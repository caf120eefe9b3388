/** `@pawl/server/why`: why a workflow does not go on. The command line and the HTTP API say the same by it. */
export { type Ask, type Subject, whyWaiting } from "./evidence.ts";
export type { Cause, Explanation } from "./explanation.ts";
export { agoText, spanText } from "./span-text.ts";
