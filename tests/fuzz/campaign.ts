/** Draws inputs from a seed, keeps a bounded number of them under way on several connections, and judges how each ended. */
import { type Method, type MethodName, methods } from "@pawl/protocol";
import * as fc from "fast-check";
import { Caller, type Outcome } from "./caller.ts";
import { described, type Input, inputs } from "./input.ts";
import type { Known } from "./known.ts";
import { learn } from "./traffic.ts";

const connectionCount = 4;
const drawnAtOnce = 100;
/** Further turns of calls that no input has got past yet: with tens of thousands of inputs over all calls some have bad luck. */
const turnsMax = 30;
const underWayMax = 48;
/** Calls that wait for something to happen, beside the others. */
const waitingMax = 160;
const messageBytesMax = 4 * 1024 * 1024;

const waits: Partial<Record<MethodName, number>> = {
  PollWorkflowTaskQueue: 2_100,
  PollActivityTaskQueue: 2_100,
  PollNexusTaskQueue: 2_100,
  PollWorkflowExecutionUpdate: 1_500,
  UpdateWorkflowExecution: 1_500,
  ExecuteMultiOperation: 1_500,
  GetWorkflowExecutionHistory: 1_200,
  QueryWorkflow: 400,
  DescribeTaskQueue: 2_000,
  PollActivityExecution: 1_500,
  DescribeActivityExecution: 1_500,
};
/** A call that does not wait and takes longer is stuck, however busy the machine is. */
const promptMs = 120_000;

const ok = 0;
/** UNKNOWN, INTERNAL and DATA_LOSS are bugs; UNAVAILABLE is what a shard answers that stumbled over one; the others mean nothing here. */
const mayAnswer = new Set([ok, 1, 3, 5, 6, 7, 8, 9, 10, 11, 12]);
const deadlineExceeded = 4;
const unavailable = 14;
/** What the reference server says, too, to those who wait for an update when its workflow ends: they may ask again. */
const updateAborted = "workflow update was aborted";

export interface Findings {
  readonly failures: string[];
  /** Inputs by call and the beginning of their refusal, and by call and status. */
  readonly byReason: Map<string, number>;
  readonly byStatus: Map<string, number>;
  readonly slowest: { readonly ms: number; readonly input: string }[];
  sent: number;
}

export class Campaign {
  readonly #callers: readonly Caller[];
  readonly #known: Known;
  readonly #seed: number;
  readonly #underWay = new Set<Promise<void>>();
  readonly #waiting = new Set<Promise<void>>();
  readonly findings: Findings = { failures: [], byReason: new Map(), byStatus: new Map(), slowest: [], sent: 0 };

  constructor(address: string, known: Known, seed: number) {
    this.#callers = Array.from({ length: connectionCount }, () => new Caller(address));
    this.#known = known;
    this.#seed = seed;
  }

  /** `passable` are those of the served calls that are not refused whatever they are asked. */
  async run(served: readonly MethodName[], passable: readonly MethodName[], count: number): Promise<Findings> {
    for (let first = 0; first < count; first += drawnAtOnce) {
      await this.#draw(served, first, Math.min(drawnAtOnce, count - first));
    }
    for (let turn = 0; turn < turnsMax; turn++) {
      await this.#idle();
      const notYet = this.neverOk(passable);
      if (notYet.length === 0) break;
      await this.#draw(notYet, count + turn * drawnAtOnce, drawnAtOnce);
    }
    await this.#idle();
    for (const caller of this.#callers) caller.close();
    return this.findings;
  }

  neverOk(of: readonly MethodName[]): MethodName[] {
    return of.filter((name) => !this.findings.byStatus.has(`${name}: status ${ok}`));
  }

  async #draw(from: readonly MethodName[], first: number, numRuns: number): Promise<void> {
    if (this.findings.failures.length >= 20) return;
    for (const input of fc.sample(inputs(from, this.#known), { seed: this.#seed + first, numRuns }))
      await this.#begin(input);
  }

  async #idle(): Promise<void> {
    await Promise.all([...this.#underWay, ...this.#waiting]);
  }

  async #begin(input: Input): Promise<void> {
    const caller = this.#callers[this.findings.sent++ % connectionCount]!;
    if (!caller.isOpen) await caller.open();
    const [calls, max] =
      waits[input.method] === undefined ? [this.#underWay, underWayMax] : [this.#waiting, waitingMax];
    const call = this.send(caller, input).finally(() => calls.delete(call));
    calls.add(call);
    while (calls.size >= max) await Promise.race(calls);
  }

  async send(caller: Caller, input: Input): Promise<void> {
    const { method, message, frame } = input;
    const startedAtMs = performance.now();
    const timeoutMs = waits[method] ?? promptMs;
    const { headers } = frame;
    const outcome = await caller.send({
      ...{ path: methods[method].path, body: frame.body(message), timeoutMs, headers },
      ...(frame.leaveMs !== undefined && { leaveMs: frame.leaveMs }),
      // Whoever writes its own deadline does not wait for it.
      ...("grpc-timeout" in headers && { leaveMs: 3_000 }),
    });
    const ms = performance.now() - startedAtMs;
    const problem = problemOf(input, outcome);
    if (problem !== undefined) this.findings.failures.push(`${problem}\n  ${described(input)}`);
    else if (outcome.type === "status" && outcome.status === ok && frame.oddity === undefined)
      learn(this.#known, method, outcome.body);
    this.#count(input, outcome, ms);
  }

  #count(input: Input, outcome: Outcome, ms: number): void {
    const { byReason, byStatus, slowest } = this.findings;
    const how = outcome.type === "status" ? `status ${outcome.status}` : outcome.type;
    if (outcome.type === "status" && outcome.status !== ok) {
      const reason = `${input.method}: ${outcome.message.replace(/["'].*["']|\d+/g, "…").slice(0, 70)}`;
      byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
    }
    byStatus.set(`${input.method}: ${how}`, (byStatus.get(`${input.method}: ${how}`) ?? 0) + 1);
    if (waits[input.method] !== undefined || outcome.type === "left" || ms < (slowest.at(-1)?.ms ?? 0)) return;
    slowest.push({ ms: Math.round(ms), input: described(input).slice(0, 600) });
    slowest.sort((a, b) => b.ms - a.ms).splice(8);
  }
}

/** What is wrong with an outcome; undefined when nothing is. */
function problemOf({ method, frame }: Input, outcome: Outcome): string | undefined {
  const { type } = outcome;
  if (type === "left")
    return frame.leaveMs === undefined && !("grpc-timeout" in frame.headers) ? "no answer" : undefined;
  if (type === "http") return outcome.status < 500 && frame.oddity !== undefined ? undefined : `HTTP ${outcome.status}`;
  if (type === "reset") {
    // HTTP/2 itself refuses header lists of such a size, and a caller's own oddities.
    return frame.oddity?.startsWith("headers") ? undefined : `the stream was reset: ${outcome.reason}`;
  }
  const { status, message, details, body } = outcome;
  if (status === unavailable && (message === updateAborted || details.includes(updateAborted))) return undefined;
  if (status === deadlineExceeded && (waits[method] !== undefined || "grpc-timeout" in frame.headers)) return undefined;
  if (status !== deadlineExceeded && !mayAnswer.has(status)) return `status ${status}: ${message}`;
  if (status === deadlineExceeded) return "no answer before the deadline";
  // What a worker says to a query that it cannot answer is passed on, be it nothing.
  if (status !== ok)
    return message === "" && method !== "QueryWorkflow" ? `status ${status} without a word` : undefined;
  if (body.length > messageBytesMax) return `an answer of ${body.length} bytes, more than clients take`;
  try {
    (methods[method] as Method).response.decode(body);
  } catch (error) {
    return `an answer that cannot be decoded: ${error}`;
  }
  return undefined;
}
