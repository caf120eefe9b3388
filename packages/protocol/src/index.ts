export * from "./gen/index.js";
export * from "./service.ts";
export type { Codec, Init } from "./wire.js";
