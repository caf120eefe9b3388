import type { Store } from "@pawl/store";
import { clusterLimits, shardLimits } from "../limits.ts";
import { settle } from "./stored-map.ts";
import { isNew } from "./system.ts";

/** Shards never change once there are any. A database may come to be shared by several nodes, a file is one process's. */
export async function loadShardCount(store: Store): Promise<number> {
  if (store.kind !== "postgres") return shardLimits.embeddedShards;
  const shards = (await isNew(store)) ? clusterLimits.shards : shardLimits.embeddedShards;
  const kept = await settle(store, "shard-count", () => new TextEncoder().encode(String(shards)));
  return Number(new TextDecoder().decode(kept));
}
