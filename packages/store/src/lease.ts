/** The right to commit to one shard. `rangeId` grows with each acquisition; only the newest commits. */
export interface Lease {
  readonly shardId: number;
  readonly rangeId: number;
}
