/**
 * Between callers and the server: requests and answers are late, lost or doubled, and a caller that hears nothing does not know what happened.
 * The decoded messages are those of the wire.
 */
import { Rejection } from "@pawl/engine";
import type { Init, MethodName, RequestOf, ResponseOf } from "@pawl/protocol";
import { methods } from "@pawl/protocol";
import { refusalOf, TestCall } from "@pawl/server/simulation";
import type { AnswerCheck } from "./answer-check.ts";
import type { Process, World } from "./world.ts";

export type Answer<R> =
  | { readonly type: "ok"; readonly response: R }
  | { readonly type: "refused"; readonly code: string; readonly message: string }
  /** Whether it was done is not known. */
  | { readonly type: "lost" };

export interface CallOptions {
  /** How long the caller waits. Default 10 s. */
  readonly timeoutMs?: number;
  /** What the answer is about, for whoever checks it. */
  readonly about?: string;
  /** The caller is in this process, and ends with it: there is nothing between them. */
  readonly home?: Process | undefined;
}

/** Asking again may help. */
const passing = new Set(["UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"]);
/** For those that a caller with good manners can meet. */
const allowed = new Set([
  ...passing,
  ...["INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "OUT_OF_RANGE"],
]);

const kindsOfPolls: { readonly [N in MethodName]?: string } = {
  PollWorkflowTaskQueue: "workflow",
  PollActivityTaskQueue: "activity",
};

export class Network {
  readonly #world: World;
  readonly #check: AnswerCheck;

  constructor(world: World, check: AnswerCheck) {
    this.#world = world;
    this.#check = check;
  }

  async call<N extends MethodName>(
    method: N,
    request: Init<RequestOf<N>>,
    { timeoutMs = 10_000, about = "", home }: CallOptions = {},
  ): Promise<Answer<ResponseOf<N>>> {
    const world = this.#world;
    const { chance, faults } = world;
    const deadlineMs = world.clock.nowMs() + timeoutMs;
    if (home) return this.#arrive(method, request, { deadlineMs, about, home });
    if (chance.hits(faults.requestLost)) {
      await world.sleep(chance.between(1, timeoutMs));
      return { type: "lost" };
    }
    if (chance.hits(faults.requestTwice)) {
      const laterMs = chance.skewed(0, 20_000);
      world.reached("request twice");
      world.spawn(method, async () => {
        await world.sleep(laterMs);
        await this.#arrive(method, request, { deadlineMs: deadlineMs + laterMs, about });
      });
    }
    await this.#delay();
    const answer = await this.#arrive(method, request, { deadlineMs, about });
    await this.#delay();
    if (world.clock.nowMs() >= deadlineMs || chance.hits(faults.answerLost)) return { type: "lost" };
    return answer;
  }

  /** Asks until the server has said yes or no; undefined when the simulation is over first, or the process that the caller is in. */
  async insist<N extends MethodName>(method: N, request: Init<RequestOf<N>>, options?: CallOptions) {
    while (!this.#world.isOver && !options?.home?.death.signal.aborted) {
      const answer = await this.call(method, request, options);
      if (answer.type === "ok" || (answer.type === "refused" && !passing.has(answer.code))) return answer;
      await this.#world.sleep(this.#world.chance.between(50, 1_000));
    }
    return undefined;
  }

  /** All pages, as encoded events; undefined when they cannot be read. */
  async readHistory(
    execution: { workflowId: string; runId: string },
    options?: CallOptions,
  ): Promise<Buffer | undefined> {
    const pages: Uint8Array[] = [];
    let nextPageToken: Uint8Array = new Uint8Array();
    do {
      const answer = await this.insist("GetWorkflowExecutionHistory", { execution, nextPageToken }, options);
      if (answer?.type !== "ok") return undefined;
      pages.push(answer.response.history ?? new Uint8Array());
      ({ nextPageToken } = answer.response);
    } while (nextPageToken.length > 0);
    return Buffer.concat(pages);
  }

  async #delay(): Promise<void> {
    const { chance, faults } = this.#world;
    const delayMs = chance.skewed(0, faults.networkDelayMsMax);
    if (delayMs > 0) await this.#world.sleep(delayMs);
  }

  /** The request is at the server's door. */
  async #arrive<N extends MethodName>(
    method: N,
    request: Init<RequestOf<N>>,
    { deadlineMs, about, home }: { deadlineMs: number; about: string; home?: Process },
  ): Promise<Answer<ResponseOf<N>>> {
    const process = home ?? this.#world.processOfCaller();
    if (!process || process.death.signal.aborted || this.#world.clock.nowMs() >= deadlineMs) return { type: "lost" };
    const call = new TestCall(process.clock.nowMs() + deadlineMs - this.#world.clock.nowMs());
    call.takesEarly = home !== undefined;
    const gone = Promise.withResolvers<Answer<ResponseOf<N>>>();
    const cancelDeadline = this.#world.clock.wake(deadlineMs, () => call.end("deadline"));
    // A caller that is no more waits a moment for nobody: long enough for what the server does then.
    const cancelGone = this.#world.clock.wake(deadlineMs + 500, () => gone.resolve({ type: "lost" }));
    const onDeath = () => gone.resolve({ type: "lost" });
    process.death.signal.addEventListener("abort", onDeath, { once: true });
    const answered = this.#serve(process, method, request, call, about);
    const pollEnds = this.#polls(process, method, request);
    this.#world.liveness.requested();
    try {
      return await Promise.race([answered, gone.promise]);
    } finally {
      pollEnds();
      cancelDeadline();
      cancelGone();
      process.death.signal.removeEventListener("abort", onDeath);
    }
  }

  #polls<N extends MethodName>(process: Process, method: N, request: Init<RequestOf<N>>): () => void {
    const kind = kindsOfPolls[method];
    const { taskQueue } = request as { taskQueue?: { name: string } };
    return kind ? this.#world.liveness.polls(`${kind} ${taskQueue?.name}`, process.death.signal) : () => {};
  }

  async #serve<N extends MethodName>(
    process: Process,
    method: N,
    request: Init<RequestOf<N>>,
    call: TestCall,
    about: string,
  ): Promise<Answer<ResponseOf<N>>> {
    const answer = await this.#answerOf(process, method, request, call);
    if (process.death.signal.aborted || this.#world.isOver) return { type: "lost" };
    if (answer instanceof Rejection) {
      this.#world.note(`${method} ${about} ${answer.code} ${answer.message}`);
      if (!allowed.has(answer.code))
        this.#world.violate(`I28: ${method} is answered with ${answer.code}: ${answer.message}`);
      this.#check.refused(method, answer.code, about);
      return { type: "refused", code: answer.code, message: answer.message };
    }
    this.#world.note(`${method} ${about} ok`);
    this.#world.noteBytes(methods[method].response.encode(answer as never));
    this.#check.answered(method, request, answer, { about, isEarly: call.takesEarly });
    return { type: "ok", response: answer };
  }

  async #answerOf<N extends MethodName>(process: Process, method: N, request: Init<RequestOf<N>>, call: TestCall) {
    process.open.add(call);
    try {
      const ask = (asked: object) =>
        process.server.call(method, asked as Init<RequestOf<N>>, call) as Promise<object | Rejection>;
      const mutant = this.#world.seams.handler;
      if (!mutant) return await process.server.call(method, request, call);
      return (await mutant(method, request as object, ask, this.#world)) as ResponseOf<N> | Rejection;
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal) return refusal;
      return new Rejection(
        "INTERNAL" as never,
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      );
    } finally {
      process.open.delete(call);
    }
  }
}
