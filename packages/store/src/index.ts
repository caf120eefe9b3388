export type { InspectedCurrent, InspectedRun, InspectedVisibility, StoreInspection, StrayRow } from "./inspection.ts";
export type { Membership, NodeRecord, ShardOwner, View } from "./membership.ts";
export { type CommitFault, type MemoryOptions, MemoryStore } from "./memory.ts";
export { openInspection, openNamedStore } from "./named-state.ts";
export { type PostgresNode, type PostgresOptions, PostgresStore } from "./postgres.ts";
export { databasesOf, nameOfAll, urlsOfHosts } from "./postgres-primary.ts";
export { type SqliteOptions, SqliteStore } from "./sqlite.ts";
export { type BackupOptions, backUpSqlite } from "./sqlite-backup.ts";
export * from "./store.ts";
