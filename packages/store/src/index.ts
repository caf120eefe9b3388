export type { InspectedCurrent, InspectedRun, InspectedVisibility, StoreInspection, StrayRow } from "./inspection.ts";
export { type CommitFault, type MemoryOptions, MemoryStore } from "./memory.ts";
export { openInspection } from "./open-inspection.ts";
export { type PostgresOptions, PostgresStore } from "./postgres.ts";
export { type SqliteOptions, SqliteStore } from "./sqlite.ts";
export * from "./store.ts";
