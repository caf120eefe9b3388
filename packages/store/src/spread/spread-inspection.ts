/** Looks over several stores as one. Each is read as of one moment of its own. */
import {
  type InspectedCurrent,
  type InspectedRun,
  type StoreInspection,
  type StrayRow,
  strayRowsMax,
} from "../inspection.ts";
import { kindCode } from "../kind-code.ts";
import type { ExecutionKey } from "../store.ts";
import { compareText } from "../text-order.ts";

export class SpreadInspection implements StoreInspection {
  readonly #inspections: readonly StoreInspection[];

  /** One at least. */
  constructor(inspections: readonly StoreInspection[]) {
    this.#inspections = inspections;
  }

  damage(): Promise<readonly string[]> {
    return this.#joined((each) => each.damage());
  }

  async runCount(): Promise<number> {
    return (await this.#joined(async (each) => [await each.runCount()])).reduce((sum, count) => sum + count, 0);
  }

  async runs(page: Parameters<StoreInspection["runs"]>[0]): Promise<readonly InspectedRun[]> {
    const found = await this.#joined((each) => each.runs(page));
    return found.sort((a, b) => compareText(a.runId, b.runId)).slice(0, page.limit);
  }

  async currents(page: Parameters<StoreInspection["currents"]>[0]): Promise<readonly InspectedCurrent[]> {
    return (await this.#joined((each) => each.currents(page))).sort(compareKeys).slice(0, page.limit);
  }

  async strays(): Promise<readonly StrayRow[]> {
    return (await this.#joined((each) => each.strays())).slice(0, strayRowsMax);
  }

  misplaced() {
    return this.#joined((each) => each.misplaced());
  }

  async shards() {
    return (await this.#joined((each) => each.shards())).sort((a, b) => a.shardId - b.shardId);
  }

  namespaces() {
    return this.#inspections[0]!.namespaces();
  }

  async close(): Promise<void> {
    await Promise.all(this.#inspections.map((each) => each.close()));
  }

  async #joined<T>(ask: (each: StoreInspection) => Promise<readonly T[]>): Promise<T[]> {
    return (await Promise.all(this.#inspections.map(ask))).flat();
  }
}

/** As PostgreSQL orders them, the only store that is spread. */
function compareKeys(a: ExecutionKey, b: ExecutionKey): number {
  return (
    compareText(a.businessId, b.businessId) ||
    compareText(a.namespaceId, b.namespaceId) ||
    kindCode(a.kind) - kindCode(b.kind)
  );
}
