/** Replays histories against workflow code without a server: does today's code still do what it did then? */
import { history } from "@pawl/protocol";
import { MessageCodec } from "../../codec/message-codec.ts";
import { Nondeterminism } from "../../replay/nondeterminism.ts";
import { DefaultLogger, type Logger } from "../../value/logger.ts";
import { bundleOf, runtimeOf } from "../bundle.ts";
import type { WorkerPlugin } from "../plugin.ts";
import { failureTypesOf, type WorkerOptions } from "../worker-options.ts";
import { CachedRun } from "./cached-run.ts";
import { explained } from "./explanation.ts";
import { Sandbox, watchRejections } from "./sandbox.ts";
import { SinkCalls } from "./sinks.ts";
import { watched } from "./watchdog.ts";

/** What a replay needs of a worker's options. */
export type ReplayWorkerOptions = Pick<
  WorkerOptions,
  | "workflowsPath"
  | "workflowBundle"
  | "bundlerOptions"
  | "dataConverter"
  | "interceptors"
  | "sinks"
  | "workflowFailureErrorTypes"
> & {
  /** The task queue that the replayed workflows are told. Default: that of the history. */
  replayName?: string;
  logger?: Logger;
  plugins?: WorkerPlugin[];
};

/** How one history replayed; without an `error`, as it was recorded. */
export interface ReplayResult {
  readonly workflowId: string;
  readonly runId: string;
  /** A `DeterminismViolationError`, or what the code threw that is no failure of its workflow. */
  readonly error: Error | undefined;
}

/** A history, and the id that the replayed workflow is told. Code may make ids of children of it. */
export interface HistoryToReplay {
  /** Default: that of the history, or `"replay"` where an old server did not write it down. */
  readonly workflowId?: string | undefined;
  /** As `fetchHistory()` gives it, or its JSON, parsed: what command lines and web UIs export. */
  readonly history: history.History | unknown;
}

/** Such as `intoHistories()` of a list of workflows. It is walked as the replay goes. */
export type ReplayHistoriesIterable = AsyncIterable<HistoryToReplay> | Iterable<HistoryToReplay>;

const deadlockTimeoutMs = 2_000;
const msPerEvent = 1;

/** Bundles the code once and replays one history after the other. */
export async function* replayHistories(
  given: ReplayWorkerOptions,
  histories: ReplayHistoriesIterable,
): AsyncGenerator<ReplayResult> {
  let options = given;
  for (const plugin of given.plugins ?? []) options = (await plugin.configureReplayWorker?.(options)) ?? options;
  const { workflowsPath, workflowBundle, dataConverter, logger = new DefaultLogger("WARN") } = options;
  if (workflowsPath === undefined && workflowBundle === undefined) {
    throw new TypeError("a replay needs workflowsPath or workflowBundle");
  }
  const codec = new MessageCodec(dataConverter?.payloadCodecs ?? [], dataConverter?.externalStorage);
  const bundle = await bundleOf(options);
  const sandbox = new Sandbox(await runtimeOf(bundle), bundle);
  const sinks = new SinkCalls(options.sinks ?? {}, logger);
  watchRejections();
  for await (const each of histories) {
    const decoded = await codec.decode(await messageOf(each.history));
    const { workflowExecutionStartedEventAttributes: started } = decoded.events[0] ?? {};
    const workflowId = each.workflowId ?? (started?.workflowId || "replay");
    const runId = started?.originalExecutionRunId ?? "";
    const taskQueue = options.replayName ?? (started?.taskQueue?.name || "replay");
    const identity = { namespace: "replay", workflowId, runId, taskQueue };
    const code = sandbox.newRun({
      log: (level, message, fields) => logger.log(level, message, fields),
      sink: (call, isReplaying) => sinks.call(call, isReplaying),
      failureTypes: failureTypesOf(options.workflowFailureErrorTypes ?? {}, started?.workflowType?.name),
    });
    const run = new CachedRun(identity, code, 0);
    let error: Error | undefined;
    try {
      await watched(deadlockTimeoutMs + decoded.events.length * msPerEvent, () => run.feed(decoded.events, 0));
      await new Promise((resolve) => setImmediate(resolve));
      code.checkRejections();
    } catch (thrown) {
      const task = { events: decoded.events, startedEventId: 0 };
      error = thrown instanceof Nondeterminism ? explained(thrown, sandbox, identity, task) : (thrown as Error);
    }
    yield { workflowId, runId, error };
  }
}

/** Throws `TypeError` for what is no history, and `JsonProblem` for JSON with what no history has. */
async function messageOf(given: unknown): Promise<history.History> {
  const { events } = (given ?? {}) as { events?: unknown };
  if (!Array.isArray(events)) throw new TypeError("a history to replay must have a list of events");
  // In JSON types of events have names, and times are texts.
  const isMessage = events.every(
    ({ eventType, eventTime }) => typeof eventType === "number" && typeof eventTime !== "string",
  );
  if (isMessage) return given as history.History;
  // Loaded for who needs it: it brings the descriptors of all messages.
  const { messageFromJson } = await import("@pawl/protocol/json");
  return history.History.decode(messageFromJson("temporal.api.history.v1.History", given));
}
