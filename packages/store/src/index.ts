export { type CommitFault, type MemoryOptions, MemoryStore } from "./memory.ts";
export { type SqliteOptions, SqliteStore } from "./sqlite.ts";
export * from "./store.ts";
