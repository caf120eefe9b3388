/** Where a shard is, of so many stores that hold the shards together: the same for good, since nothing moves between stores. */
export function storeIndex(shardId: number, storeCount: number): number {
  return shardId % storeCount;
}
