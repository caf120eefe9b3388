export * from "./duration.ts";
export * from "./embedded.ts";
export * from "./gen/index.js";
export * from "./nexus-link.ts";
export * from "./service.ts";
export * from "./status.ts";
export * from "./task-token.ts";
export type { Codec, Init } from "./wire.js";
