/** `@pawl/engine/invariant`: what must hold of what a store keeps, each check once: for the simulation after every commit, for `pawl doctor` at any time. */
export { FamilyCheck } from "./family-check.ts";
export {
  currentViolations,
  type KeptExecution,
  type KeptRun,
  type ListedRun,
  stateViolations,
  violationsOf,
} from "./run-check.ts";
export { type HistoryClock, RunHistory } from "./run-history.ts";
export { StartCheck } from "./start-check.ts";
export { type Invariant, must, Violation } from "./violation.ts";
