/** The store as one process sees it: slow, sometimes failing, and silent once the process has died. Commits happen on the disk or they do not. */
import { CommitUnknown, type Lease, LeaseLost, type Store, StoreError, StoreFull, type Write } from "@pawl/store";
import type { World } from "./world.ts";

/** What a database that does not answer looks like to whoever reads. */
class Unreadable extends StoreError {
  readonly retry = true;
}

const stallMsMax = 15_000;

export class ProcessStore implements Store {
  readonly kind = "memory";
  readonly #disk: Store;
  readonly #world: World;
  #isDead = false;
  /** Faults begin when the server is open: a server that cannot open is started again, which shows nothing. */
  isOpen = false;

  constructor(disk: Store, world: World) {
    this.#disk = disk;
    this.#world = world;
  }

  die(): void {
    this.#isDead = true;
  }

  async acquire(shardId: number, owner: string): Promise<Lease> {
    await this.#wait();
    return this.#disk.acquire(shardId, owner);
  }

  async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    const { chance, faults } = this.#world;
    await this.#wait();
    const isFaulty = lease !== null && this.isOpen;
    if (isFaulty && chance.hits(faults.commitUnknownLost)) throw new CommitUnknown("the simulation lost it");
    if (isFaulty && chance.hits(faults.commitFull)) throw new StoreFull("the simulation has no room");
    try {
      await this.#disk.commit(lease, writes);
    } catch (error) {
      await this.#wait();
      if (error instanceof LeaseLost) this.#world.reached("fenced");
      throw error;
    }
    await this.#wait();
    if (isFaulty && chance.hits(faults.commitUnknownApplied)) throw new CommitUnknown("the simulation applied it");
  }

  loadCurrent: Store["loadCurrent"] = (keys) => this.#read(() => this.#disk.loadCurrent(keys));
  loadRuns: Store["loadRuns"] = (runIds) => this.#read(() => this.#disk.loadRuns(runIds));
  readHistory: Store["readHistory"] = (runId, range) => this.#read(() => this.#disk.readHistory(runId, range));
  readHistoryReverse: Store["readHistoryReverse"] = (runId, range) =>
    this.#read(() => this.#disk.readHistoryReverse(runId, range));
  wakingRuns: Store["wakingRuns"] = (shardId, page) => this.#read(() => this.#disk.wakingRuns(shardId, page));
  undispatchedRuns: Store["undispatchedRuns"] = (shardId, page) =>
    this.#read(() => this.#disk.undispatchedRuns(shardId, page));
  listVisibility: Store["listVisibility"] = (query) => this.#read(() => this.#disk.listVisibility(query));
  countVisibility: Store["countVisibility"] = (query) => this.#read(() => this.#disk.countVisibility(query));
  namespaces: Store["namespaces"] = () => this.#read(() => this.#disk.namespaces());
  setting: Store["setting"] = (name) => this.#read(() => this.#disk.setting(name));
  settings: Store["settings"] = (prefix) => this.#read(() => this.#disk.settings(prefix));
  close: Store["close"] = async () => {};

  async #read<T>(read: () => Promise<T>): Promise<T> {
    const { chance, faults } = this.#world;
    await this.#wait();
    if (this.isOpen && chance.hits(faults.readFails)) throw new Unreadable("the simulation does not read");
    return read();
  }

  /** Never ends for a dead process. */
  async #wait(): Promise<void> {
    const { chance, faults } = this.#world;
    const stalls = this.isOpen && chance.hits(faults.storeStalls);
    const delayMs = stalls ? chance.between(1, stallMsMax) : chance.skewed(0, faults.storeDelayMsMax);
    this.#world.liveness.storeCalled();
    if (stalls) this.#world.liveness.disturb(this.#world.clock.nowMs() + delayMs);
    if (delayMs > 0) await this.#world.sleep(delayMs);
    if (this.#isDead) await new Promise<never>(() => {});
  }
}
