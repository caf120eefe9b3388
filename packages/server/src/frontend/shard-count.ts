import type { Store } from "@pawl/store";
import { clusterLimits, shardLimits } from "../limits.ts";
import { settle } from "./stored-map.ts";
import { isNew } from "./system.ts";

/**
 * The number of shards, which is fixed when a store is first used. A new PostgreSQL database gets more of them than a file, because several nodes may come to
 * share it.
 */
export async function loadShardCount(store: Store): Promise<number> {
  if (store.kind !== "postgres") return shardLimits.embeddedShards;
  const shards = (await isNew(store)) ? clusterLimits.shards : shardLimits.embeddedShards;
  const kept = await settle(store, "shard-count", () => new TextEncoder().encode(String(shards)));
  return Number(new TextDecoder().decode(kept));
}
