/** `@pawl/server/transfer`: copies of a state, and runs from elsewhere. */
export { StartFailure } from "../config.ts";
export { backUp } from "./backup.ts";
export { type ForeignRun, HistoryImport, ImportRefused } from "./history-import.ts";
