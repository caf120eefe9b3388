/**
 * One simulated world: its time, its chance, one disk, and at most two server processes on it. One thread, no real time: whatever waits, waits on
 * the world's clock, and between two moments every promise that can go on has gone on.
 */
import { createHash } from "node:crypto";
import { OutsideCalls } from "@pawl/server/outside-calls";
import { type Dispatcher, InProcess, ManualClock, type TestCall } from "@pawl/server/simulation";
import type { Store } from "@pawl/store";
import { type Cast, type CastName, drawCast } from "./cast.ts";
import { Chance } from "./chance.ts";
import { endpoint, namespace } from "./decision.ts";
import { Disk } from "./disk.ts";
import { drawFaults, type FaultPlan, withoutFaults } from "./fault-plan.ts";
import { LivenessCheck } from "./liveness-check.ts";
import { MachineClock, type ProcessClock } from "./machine-clock.ts";
import type { Seams } from "./mutants.ts";
import { ProcessStore } from "./process-store.ts";
import { SafetyCheck } from "./safety-check.ts";
import type { SimulationOptions } from "./simulation.ts";

const smallCacheBytes = 1;
const cacheBytes = 1 << 24;
/** Faults of the server that are no bugs: what the simulation did to its store. */
/** What calls under way may take when their server is told to go, as in `limits.ts`. */
const drainMsMax = 7_000;
/** Far more than a drain may take. */
const drainGivenUpMs = 45_000;
/** Another chance than that of the seed itself. */
const apartBy = 0x5eed_0000;
const expectedFaults = new Set(["CommitUnknown", "StoreFull", "LeaseLost", "Unreadable", "Unavailable"]);

export interface Process {
  readonly server: InProcess<ProcessClock, Store>;
  readonly clock: ProcessClock;
  readonly store: ProcessStore;
  /** What its runs ask of others. */
  readonly calls: OutsideCalls;
  /** Calls that it has not answered. */
  readonly open: Set<TestCall>;
  /** Aborts when it dies: callers hear that the connection is gone. */
  readonly death: AbortController;
}

export class World {
  readonly clock = new ManualClock();
  readonly chance: Chance;
  readonly disk: Disk;
  readonly safety: SafetyCheck;
  readonly liveness: LivenessCheck;
  readonly machine = new MachineClock(this.clock);
  /** What this seed has come across, to see whether simulations reach what they are meant to test. */
  readonly labels = new Map<string, number>();
  readonly seams: Seams;
  readonly castName: CastName;
  readonly cast: Cast;
  readonly #hash = createHash("sha256");
  readonly #log: ((line: string) => void) | undefined;
  faults: FaultPlan;
  /** Undefined while no server runs. */
  process: Process | undefined;
  /** The one before, if it has not noticed that it has lost its shards. */
  #old: Process | undefined;
  /** A server is being opened, and takes the shards of the one that is there. */
  #isStarting = false;
  #isOver = false;
  isHealed = false;
  violation: string | undefined;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.chance = new Chance(seed);
    this.faults = drawFaults(this.chance, new Chance(seed + apartBy));
    this.castName = options.cast ?? options.mutant?.cast ?? "all";
    this.cast = drawCast(this.chance, this.castName);
    this.seams = options.mutant?.make() ?? {};
    this.#log = options.log;
    this.safety = new SafetyCheck(this);
    this.liveness = new LivenessCheck(this);
    this.disk = new Disk((writes) => this.safety.committed(writes));
    if (options.log) this.note(`faults ${JSON.stringify(this.faults)}`);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Everything that happened goes into the hash that two runs of one seed must share. */
  note(what: string): void {
    this.#hash.update(what).update("\n");
    this.#log?.(`${((this.clock.nowMs() - 1_700_000_000_000) / 1_000).toFixed(3)} ${what}`);
  }

  noteBytes(bytes: Uint8Array | string): void {
    this.#hash.update(bytes);
  }

  traceHash(): string {
    return this.#hash.copy().digest("hex").slice(0, 16);
  }

  reached(label: string): void {
    this.labels.set(label, (this.labels.get(label) ?? 0) + 1);
  }

  /** The first one ends the simulation. */
  violate(what: string): void {
    if (this.violation === undefined) this.note(`VIOLATION ${what}`);
    this.violation ??= what;
    this.end();
  }

  end(): void {
    this.#isOver = true;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.wake(this.clock.nowMs() + Math.ceil(ms), resolve));
  }

  /** Runs beside everything else; an error is a failure of the simulation. */
  spawn(name: string, run: () => Promise<void>): void {
    run().catch((error: unknown) => this.violate(`${name} threw ${error instanceof Error ? error.stack : error}`));
  }

  /** Lets everything happen until `isDone`, at the latest until the time is `untilMs`. */
  async run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < this.#turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      this.#lookAtFaults();
      if (this.#isOver || isDone() || this.clock.nowMs() >= untilMs) return;
      if (!this.clock.skip()) return this.violate("nobody waits for anything any more");
    }
  }

  /** Shards wait some turns for the answers of embedded workers, in which no time passes. */
  get #turns(): number {
    return this.cast.embedded ? 8 : 1;
  }

  heal(): void {
    this.note("heal");
    this.isHealed = true;
    this.faults = withoutFaults(this.faults);
  }

  /** The key of the cluster's tokens, which the first server would draw where no seed reaches. */
  async prepare(): Promise<void> {
    const bytes = new Uint8Array(32).map(() => this.chance.between(0, 255));
    await this.disk.commit(null, [{ table: "setting", name: "token-key", bytes }]);
  }

  async startServer(): Promise<void> {
    const clock = this.machine.process();
    const store = new ProcessStore(this.disk, this);
    const death = new AbortController();
    const calls = new OutsideCalls();
    this.#isStarting = true;
    const server = await InProcess.openOn<ProcessClock, Store>({
      clock: (this.seams.clock?.(clock) as ProcessClock | undefined) ?? clock,
      store: this.seams.store?.(store, this) ?? store,
      seed: this.chance.seed(),
      shardCount: this.faults.shardCount,
      cacheBytesMax: this.faults.tinyCache ? smallCacheBytes : cacheBytes,
      // No lease is over, and so no shard taken over, while its owner is sure of it.
      isSure: () => this.#old === undefined && !this.#isStarting,
      call: (call) => {
        const made = this.seams.call ? this.seams.call(call, this) : call;
        if (made) calls.make(made);
      },
      ...(this.seams.dispatcher && { dispatcher: (matching: Dispatcher) => this.seams.dispatcher!(matching, this) }),
    });
    calls.open({ ...server.parts, onFault: (_what, error) => server.faults.push(error) });
    if (this.cast.handlers && server.parts.nexusEndpoints.all().length === 0) {
      const worker = { namespace, taskQueue: endpoint };
      await server.ask("CreateNexusEndpoint", { spec: { name: endpoint, target: { worker } } });
    }
    store.isOpen = true;
    this.#kill(this.#old);
    this.#old = this.process;
    this.process = { server, clock, store, calls, death, open: new Set() };
    this.#isStarting = false;
    this.liveness.disturb(this.clock.nowMs());
    this.note("server started");
  }

  /** Callers that were connected to the process before do not know that it has lost its shards. */
  processOfCaller(): Process | undefined {
    return this.#old && this.chance.hits(0.5) ? this.#old : this.process;
  }

  /** The process dies, at whatever it was doing. */
  crash(): void {
    this.note("crash");
    this.reached("crash");
    this.#kill(this.process);
    this.#kill(this.#old);
    this.process = undefined;
    this.#old = undefined;
  }

  /** The process is told to go, as by SIGTERM: it takes no more calls, answers those that it has, finishes what was submitted, and is gone. */
  async drain(): Promise<void> {
    this.killOld();
    const { process } = this;
    if (!process) return;
    this.note("drain");
    this.process = undefined;
    const startedAtMs = this.clock.nowMs();
    for (const call of process.open) call.end("stopping");
    while (process.open.size > 0 && this.clock.nowMs() < startedAtMs + drainMsMax) await this.sleep(10);
    const openCalls = process.open.size;
    let isClosed = false;
    process.calls.close();
    this.spawn("drain", async () => {
      await process.server[Symbol.asyncDispose]();
      isClosed = true;
    });
    while (!isClosed && !this.#isOver && this.clock.nowMs() < startedAtMs + drainGivenUpMs) await this.sleep(10);
    const isSlow = this.faults.storeStalls > 0 || this.liveness.isDisturbed;
    if (!isClosed || !isSlow) this.liveness.drained(this.clock.nowMs() - startedAtMs, openCalls);
    this.#kill(process);
  }

  killOld(): void {
    this.#kill(this.#old);
    this.#old = undefined;
  }

  #kill(process: Process | undefined): void {
    process?.clock.die();
    process?.store.die();
    process?.calls.close();
    process?.death.abort();
  }

  #lookAtFaults(): void {
    for (const process of [this.process, this.#old]) {
      for (const fault of process?.server.faults.splice(0) ?? []) {
        const name = fault instanceof Error ? fault.name : String(fault);
        if (!expectedFaults.has(name))
          this.violate(`the server reports a bug: ${fault instanceof Error ? fault.stack : fault}`);
        else this.reached(`fault ${name}`);
      }
    }
  }
}
