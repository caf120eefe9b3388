/** A whole server without a network, for tests: real shards, queues and handlers on a memory store and a clock that the test moves. */
import { type Call as OutsideCall, Rejection } from "@pawl/engine";
import {
  enums,
  history,
  type Init,
  type MethodName,
  methods,
  type RequestOf,
  type ResponseOf,
  type taskqueue,
} from "@pawl/protocol";
import { MemoryStore, type Store } from "@pawl/store";
import { AddressRules } from "../address-rules.ts";
import { type Clock, ManualClock } from "../clock.ts";
import { limits } from "../limits.ts";
import { Matching } from "../matching/matching.ts";
import { seededRandom } from "../random.ts";
import type { Dispatcher, Started } from "../shard/dispatcher.ts";
import { Ring } from "../shard/ring.ts";
import { quietTelemetry } from "../telemetry/telemetry.ts";
import { loadBatchJobs } from "./batch/batch-job.ts";
import { BatchRunner } from "./batch/batch-runner.ts";
import { DeploymentRegistry } from "./deployment/deployment-registry.ts";
import type { Call, Handler, Handlers } from "./handler.ts";
import { handlersOf, performerOf } from "./handlers.ts";
import { draftOf } from "./namespace/namespace.ts";
import { NamespaceDeletions } from "./namespace/namespace-deletion.ts";
import { NamespaceRegistry } from "./namespace/namespace-registry.ts";
import { NexusEndpointRegistry } from "./nexus/nexus-endpoint-registry.ts";
import { NexusTasks } from "./nexus/nexus-tasks.ts";
import type { Parts } from "./parts.ts";
import { Tokens } from "./tokens.ts";
import { SearchAttributeRegistry } from "./visibility/search-attribute-registry.ts";
import { withPollHeartbeats } from "./worker/poll-heartbeat.ts";
import { TaskQueueConfigs } from "./worker/task-queue-config.ts";
import { QueryRegistry } from "./workflow/query-registry.ts";

/** There from the start. */
export const testNamespace = "orders";
export const stickyQueue = { name: "sticky", kind: enums.TaskQueueKind.STICKY, normalName: "q" };
/** What a worker with a cache sends with its completion. */
export const stickyAttributes = { workerTaskQueue: stickyQueue, scheduleToStartTimeout: { seconds: 5, nanos: 0 } };
export const taskQueue = { name: "q", kind: enums.TaskQueueKind.NORMAL, normalName: "" };

const encoder = new TextEncoder();

export function jsonPayloads(...values: readonly unknown[]) {
  const metadata = { encoding: encoder.encode("json/plain") };
  return {
    payloads: values.map((value) => ({ metadata, data: encoder.encode(JSON.stringify(value)), externalPayloads: [] })),
  };
}

export function jsonOf(
  payloads: { readonly payloads: readonly { readonly data: Uint8Array }[] } | undefined,
): unknown[] {
  return payloads?.payloads.map(({ data }) => JSON.parse(new TextDecoder().decode(data)) as unknown) ?? [];
}

const typeNames = new Map<number, string>(Object.entries(enums.EventType).map(([name, type]) => [type, name]));

/** The names of the events of a response's `history` field. */
export function eventTypes(events: Uint8Array | undefined): (string | undefined)[] {
  if (!events) return [];
  return history.History.decode(events).events.map(({ eventType }) => typeNames.get(eventType));
}

/** A call whose end the test decides. */
export class TestCall implements Call {
  readonly deadlineMs: number | undefined;
  readonly clientName: string;
  readonly clientVersion = "1.0.0";
  readonly supportedFeatures = ["follows-next-run-id"];
  takesEarly = false;
  readonly #controller = new AbortController();
  #ended: ReturnType<Call["ended"]> = "no";

  constructor(deadlineMs: number | undefined, clientName = "temporal-go") {
    this.deadlineMs = deadlineMs;
    this.clientName = clientName;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  ended = (): ReturnType<Call["ended"]> => this.#ended;

  end(why: "cancelled" | "deadline" | "stopping"): void {
    this.#ended = why;
    this.#controller.abort();
  }
}

/** What a server in this process is made on. A server that is opened on the store of an earlier one goes on where that one stopped. */
export interface Surroundings<C extends Clock, S extends Store> {
  readonly clock: C;
  readonly store: S;
  /** Another for each start, so that ids differ. */
  readonly seed?: number;
  readonly shardCount?: number;
  readonly cacheBytesMax?: number;
  /** As `ShardParts.isSure`, when another server may be opened on the store of this one while this one lives. */
  readonly isSure?: () => boolean;
  /** Stands between the shards and the task queues. */
  readonly dispatcher?: (matching: Dispatcher) => Dispatcher;
  /** Makes the requests that runs ask for; without it they are not made. */
  readonly call?: (call: OutsideCall) => void;
  /** Where those requests may go; by default nowhere. */
  readonly addresses?: AddressRules;
}

/** A server without ports or processes. What goes wrong in the background is in `faults`. */
export class InProcess<C extends Clock = ManualClock, S extends Store = MemoryStore> {
  readonly clock: C;
  readonly store: S;
  readonly matching: Matching<Started>;
  readonly parts: Parts & { readonly batches: BatchRunner };
  readonly faults: unknown[];
  readonly #ring: Ring;
  #handlers: Handlers;

  private constructor({ faults, seed, shardCount, ...parts }: Opened<C, S>) {
    this.clock = parts.clock;
    this.store = parts.store;
    this.matching = parts.matching;
    this.faults = faults;
    this.#ring = parts.ring;
    this.parts = {
      ...parts,
      queries: new QueryRegistry(),
      nexusTasks: new NexusTasks({ matching: parts.matching, clock: parts.clock, random: seededRandom(seed + 5) }),
      random: seededRandom(seed + 2),
      cluster: { id: "00000000-0000-4000-8000-000000000000", name: "active", shardCount, address: "127.0.0.1:7233" },
    };
    this.#handlers = withPollHeartbeats(handlersOf(this.parts));
    parts.batches.open(performerOf(this.#handlers));
    parts.batches.resume();
  }

  static open(more: Pick<Surroundings<ManualClock, MemoryStore>, "call" | "addresses"> = {}): Promise<InProcess> {
    return InProcess.openOn({ clock: new ManualClock(), store: new MemoryStore(), ...more });
  }

  static async openOn<C extends Clock, S extends Store>({
    clock,
    store,
    seed = 0,
    shardCount = 1,
    cacheBytesMax = 1 << 24,
    isSure = () => true,
    dispatcher = (queues) => queues,
    call = () => {},
    addresses = new AddressRules(),
  }: Surroundings<C, S>): Promise<InProcess<C, S>> {
    const deployments = await DeploymentRegistry.load(store);
    const matching = new Matching<Started>(clock, deployments);
    deployments.watch((namespaceId, taskQueues) => matching.reroute(namespaceId, taskQueues));
    const faults: unknown[] = [];
    const ring = await Ring.open({
      store,
      clock,
      routing: deployments,
      random: seededRandom(seed + 1),
      dispatcher: dispatcher(matching),
      shardCount,
      owner: "test",
      cacheBytesMax,
      isSure,
      retentionMs: () => limits.retentionMsDefault,
      onFault: (_what, error) => faults.push(error),
      call,
    });
    const namespaces = await NamespaceRegistry.load(store, seededRandom(seed + 3));
    if (!namespaces.find(testNamespace)) {
      const retention = { seconds: 86_400, nanos: 0 };
      const draft = draftOf({ namespace: testNamespace, workflowExecutionRetentionPeriod: retention });
      if (draft instanceof Rejection) throw new Error(draft.message);
      await namespaces.create(draft);
    }
    const searchAttributes = await SearchAttributeRegistry.load(store);
    const queueConfigs = await TaskQueueConfigs.load(store, matching, clock);
    const telemetry = quietTelemetry();
    const batchJobs = await loadBatchJobs(store);
    const batches = new BatchRunner({
      ring,
      store,
      clock,
      batchJobs,
      namespaces,
      searchAttributes,
      matching,
      telemetry,
    });
    const namespaceDeletions = new NamespaceDeletions({
      ...{ ring, store, namespaces, clock },
      forgetters: [batches, searchAttributes, queueConfigs, deployments, matching],
      onFault: (_what, error) => faults.push(error),
    });
    return new InProcess({
      ...{ clock, store, matching, ring, faults, namespaces, searchAttributes, queueConfigs, namespaceDeletions },
      ...{ batchJobs, batches, telemetry, seed, shardCount },
      nexusEndpoints: await NexusEndpointRegistry.load({ store, clock, random: seededRandom(seed + 4) }),
      deployments,
      tokens: await Tokens.load(store),
      addresses,
    });
  }

  /** As a server that was started anew: what is under way in the background goes on. */
  async reopenBatches(): Promise<void> {
    const batchJobs = await loadBatchJobs(this.store);
    const batches = new BatchRunner({ ...this.parts, batchJobs });
    Object.assign(this.parts, { batchJobs, batches });
    this.#handlers = withPollHeartbeats(handlersOf(this.parts));
    batches.open(performerOf(this.#handlers));
    batches.resume();
  }

  /** What the method answers, decoded as a client would see it, or its refusal. The namespace is filled in. */
  async call<N extends MethodName>(
    method: N,
    request: Init<RequestOf<N>>,
    call: TestCall = new TestCall(this.clock.nowMs() + 10_000),
  ): Promise<ResponseOf<N> | Rejection> {
    const { request: requestCodec, response: responseCodec } = methods[method];
    const bytes = requestCodec.encode({ namespace: testNamespace, ...(request as object) } as never);
    const handler = this.#handlers[method] as Handler<N> | undefined;
    if (!handler) throw new Error(`${method} is not served`);
    const response = await handler(requestCodec.decode(bytes) as RequestOf<N>, call);
    if (response instanceof Rejection) return response;
    return responseCodec.decode(responseCodec.encode(response as never)) as ResponseOf<N>;
  }

  /** Like `call`, for where a refusal is a failure of the test. */
  async ask<N extends MethodName>(method: N, request: Init<RequestOf<N>>, call?: TestCall): Promise<ResponseOf<N>> {
    const response = await this.call(method, request, call);
    if (response instanceof Rejection) throw new Error(`${method}: ${response.code} ${response.message}`);
    return response;
  }

  /** `CODE message` of a refusal, or "accepted". */
  async verdict<N extends MethodName>(method: N, request: Init<RequestOf<N>>, call?: TestCall): Promise<string> {
    const response = await this.call(method, request, call);
    return response instanceof Rejection ? `${response.code} ${response.message}` : "accepted";
  }

  /** Starts a workflow of the id. */
  start(workflowId: string, more: Init<RequestOf<"StartWorkflowExecution">> = {}) {
    return this.ask("StartWorkflowExecution", { workflowId, workflowType: { name: "T" }, taskQueue, ...more });
  }

  /** A worker's poll on the normal queue, or on its own sticky one. */
  pollWorkflowTask(queue: Init<taskqueue.TaskQueue> = taskQueue, call?: TestCall) {
    return this.ask("PollWorkflowTaskQueue", { taskQueue: queue, identity: "worker" }, call);
  }

  complete(task: { readonly taskToken: Uint8Array }, more: Init<RequestOf<"RespondWorkflowTaskCompleted">> = {}) {
    return this.ask("RespondWorkflowTaskCompleted", { taskToken: task.taskToken, identity: "worker", ...more });
  }

  signal(workflowId: string, signalName = "s") {
    return this.ask("SignalWorkflowExecution", { workflowExecution: { workflowId }, signalName });
  }

  /** The events of a response's `history` field. */
  eventsOf(bytes: Uint8Array | undefined): history.HistoryEvent[] {
    return bytes ? history.History.decode(bytes).events : [];
  }

  /** Lets everything that is under way without the clock come to rest. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts.namespaceDeletions.close();
    this.matching.close();
    await this.#ring.close();
    await this.store.close();
  }
}

interface Opened<C extends Clock, S extends Store>
  extends Omit<Parts, "queries" | "nexusTasks" | "random" | "cluster"> {
  readonly clock: C;
  readonly store: S;
  readonly seed: number;
  readonly shardCount: number;
  readonly matching: Matching<Started>;
  readonly batches: BatchRunner;
  readonly ring: Ring;
  readonly faults: unknown[];
}
