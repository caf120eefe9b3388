export { type CommitFault, type MemoryOptions, MemoryStore } from "./memory.ts";
export { type PostgresOptions, PostgresStore } from "./postgres.ts";
export { type SqliteOptions, SqliteStore } from "./sqlite.ts";
export * from "./store.ts";
