export { type SqliteOptions, SqliteStore } from "./sqlite.ts";
export * from "./store.ts";
