/** What survives every crash. Whoever checks is shown each commit that was applied, after it and before anybody else. */
import { type Lease, MemoryStore, type Write } from "@pawl/store";

export class Disk extends MemoryStore {
  readonly #applied: (writes: readonly Write[]) => void;

  constructor(applied: (writes: readonly Write[]) => void) {
    super();
    this.#applied = applied;
  }

  override async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    await super.commit(lease, writes);
    this.#applied(writes);
  }
}
