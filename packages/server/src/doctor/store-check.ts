/**
 * Looks over everything that a store keeps, whether a server is at work on it or not: each run by itself (`@pawl/engine/invariant`), then what must
 * hold among them. Memory grows with the number of open runs and of children, and by a few bytes with each workflow.
 */
import { type HostedRun, machineOf, type Run } from "@pawl/engine";
import {
  currentViolations,
  FamilyCheck,
  RunHistory,
  StartCheck,
  stateViolations,
  Violation,
  violationsOf,
} from "@pawl/engine/invariant";
import type { ExecutionKey, InspectedRun, StoreInspection } from "@pawl/store";
import { shardOf } from "../shard/ring.ts";
import { type Finding, findingOf, type Looked, type Watching } from "./finding.ts";

const pageRows = 50;
const currentRows = 1_000;
/** Events may be so much younger than this process takes the time to be: clocks of two machines differ. */
const clockSkewMs = 60_000;

export interface StoreCheckOptions extends Watching {
  readonly nowMs: () => number;
}

/** Looks over all rows of a store: `findings` once, from beginning to end; `looked` tells how far it is. */
export class StoreCheck {
  readonly #inspection: StoreInspection;
  readonly #options: StoreCheckOptions;
  readonly #namespaces = new Map<string, string>();
  /** Open runs by their execution. */
  readonly #open = new Map<string, { readonly key: ExecutionKey; readonly runIds: string[] }>();
  readonly #families = new FamilyCheck();
  readonly #starts = new StartCheck();
  /** How many shards there are; 0 = their rows do not say. */
  #shardCount = 0;
  #runs = 0;
  #events = 0;

  constructor(inspection: StoreInspection, options: StoreCheckOptions) {
    this.#inspection = inspection;
    this.#options = options;
  }

  get looked(): Looked {
    return { runs: this.#runs, events: this.#events };
  }

  async *findings(): AsyncGenerator<Finding> {
    const inspection = this.#inspection;
    for (const what of await inspection.damage())
      yield findingOf({ invariant: "I1", what: `the file is damaged: ${what}` });
    for (const { id, name } of await inspection.namespaces()) this.#namespaces.set(id, name);
    yield* this.#checkShards(await inspection.shards());
    const total = await inspection.runCount();
    for (let afterRunId = ""; ; ) {
      const page = await inspection.runs({ afterRunId, limit: pageRows });
      for (const row of page) yield* this.#checkRun(row);
      this.#options.progress(this.#runs, total);
      if (page.length < pageRows) break;
      afterRunId = page.at(-1)!.runId;
    }
    yield* this.#checkCurrents();
    for (const { violation, of } of this.#families.left()) yield findingOf(violation, this.#about(of, of.runId));
    for (const { runId, what } of await inspection.misplaced())
      yield findingOf({ invariant: "I26", what: `run ${runId} ${what}` }, { runId });
    for (const { table, runId } of await inspection.strays())
      yield findingOf(
        { invariant: "I30", what: `there are rows of ${table} of run ${runId}, and no such run` },
        { runId },
      );
  }

  *#checkShards(shards: Awaited<ReturnType<StoreInspection["shards"]>>): Generator<Finding> {
    if (shards.every(({ shardId }, at) => shardId === at)) this.#shardCount = shards.length;
    for (const { shardId, rangeId } of shards)
      if (!(rangeId >= 1)) yield findingOf({ invariant: "I23", what: `shard ${shardId} has range ${rangeId}` });
  }

  *#checkRun(row: InspectedRun): Generator<Finding> {
    this.#runs += 1;
    const about = this.#about(row, row.runId);
    for (const violation of this.#violationsOf(row)) yield findingOf(violation, about);
  }

  *#violationsOf(row: InspectedRun): Generator<Violation> {
    const { kind, runId, visibility } = row;
    const history = new RunHistory({ nowMs: () => this.#options.nowMs() + clockSkewMs });
    const broken = readHistory(history, row);
    this.#events += history.lastEventId;
    if (broken) yield broken;
    yield* this.#checkPlace(row);
    const run = restored(row);
    if (run instanceof Violation) return yield run;
    yield* violationsOf({ ...row, run, history: broken ? undefined : history });
    if (kind === "workflow" && !broken) yield* stateViolations(run as Run, history);
    const isListedHere = !visibility || keyText(visibility) === keyText(row);
    if (!isListedHere)
      yield new Violation("I26", `run ${runId} is listed as ${visibility.kind} "${visibility.businessId}"`);
    this.#remember(row, run);
    if (kind !== "workflow") return;
    const told = broken ? undefined : history;
    yield* this.#starts.violationsOf(run as Run, told);
    yield* this.#families.violationsOf(run as Run, told);
  }

  /** I23, I27: the run lies in a namespace that there is, and with the shard that its id belongs to. */
  *#checkPlace(row: InspectedRun): Generator<Violation> {
    const { namespaceId, runId, shardId } = row;
    if (!this.#namespaces.has(namespaceId))
      yield new Violation("I27", `run ${runId} lies in namespace ${namespaceId}, which is not there`);
    if (this.#shardCount > 0 && shardOf(row, this.#shardCount) !== shardId)
      yield new Violation("I23", `run ${runId} lies with shard ${shardId}, its id belongs to another`);
  }

  #remember(row: InspectedRun, run: HostedRun): void {
    if (run.status.type !== "open") return;
    const text = keyText(row);
    const open = this.#open.get(text) ?? { key: row, runIds: [] };
    open.runIds.push(row.runId);
    this.#open.set(text, { key: keyOf(row), runIds: open.runIds });
  }

  /** I4. */
  async *#checkCurrents(): AsyncGenerator<Finding> {
    let after: ExecutionKey | undefined;
    for (;;) {
      const page = await this.#inspection.currents({ ...(after && { after }), limit: currentRows });
      for (const row of page) {
        yield* this.#checkExecution(row, row.runId, row.isThere);
        this.#open.delete(keyText(row));
      }
      if (page.length < currentRows) break;
      after = page.at(-1);
    }
    for (const { key } of [...this.#open.values()]) yield* this.#checkExecution(key, null, false);
  }

  *#checkExecution(key: ExecutionKey, currentRunId: string | null, isThere: boolean): Generator<Finding> {
    const open = this.#open.get(keyText(key))?.runIds ?? [];
    const runs = open.map((runId) => ({ runId, isOpen: true }));
    if (currentRunId !== null && isThere && !open.includes(currentRunId))
      runs.push({ runId: currentRunId, isOpen: false });
    for (const violation of currentViolations({ name: `${key.kind} ${key.businessId}`, currentRunId, runs }))
      yield findingOf(violation, this.#about(key, currentRunId ?? ""));
  }

  #about({ kind, namespaceId, businessId }: ExecutionKey, runId: string) {
    return { kind, namespace: this.#namespaces.get(namespaceId) ?? namespaceId, id: businessId, runId };
  }
}

/** What keeps the history from being read to its end, if anything does. */
function readHistory(history: RunHistory, { batches, kind, runId }: InspectedRun): Violation | undefined {
  if (kind !== "workflow")
    return batches.length === 0 ? undefined : new Violation("I2", `run ${runId} is no workflow's, and has events`);
  try {
    for (const { firstEventId, lastEventId, events } of batches) history.append(firstEventId, lastEventId, events);
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return new Violation(error.invariant, `in run ${runId}, ${error.what}`);
    throw error;
  }
}

function restored({ kind, runId, snapshot, parts }: InspectedRun): HostedRun | Violation {
  try {
    return machineOf(kind).restore(snapshot, parts);
  } catch (error) {
    return new Violation(
      "I2",
      `the state of run ${runId} cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function keyOf({ kind, namespaceId, businessId }: ExecutionKey): ExecutionKey {
  return { kind, namespaceId, businessId };
}

function keyText({ kind, namespaceId, businessId }: ExecutionKey): string {
  return `${kind} ${namespaceId} ${businessId}`;
}
