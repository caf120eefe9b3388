/**
 * What a caller of the server may know: the names that the live traffic uses, and what the server itself has given away (run ids, task tokens,
 * page tokens). An input that is made of these gets past the first checks and meets state.
 */
const keptMax = 64;
/** Few, so that two inputs often name the same workflow. */
export const liveIds = 12;

const named = {
  namespace: ["default"],
  workflowId: Array.from({ length: liveIds }, (_, i) => `live-${i}`),
  taskQueue: ["fuzz-a", "fuzz-b"],
  /** A queue whose rate is set to nothing would end the live traffic. */
  limitedQueue: ["fuzz-limited"],
  stickyQueue: ["fuzz-sticky-a", "fuzz-sticky-b"],
  activityId: ["a1", "a2", "a3", "5", "6"],
  timerId: ["t1", "t2", "t3"],
  updateId: ["u1", "u2", "u3", "u4"],
  signalName: ["go", "stop"],
  typeName: ["Order", "Charge", "__stack_trace", "approve"],
  identity: ["worker-1", "worker-2"],
  requestId: ["r1", "r2", "r3"],
  workerInstanceKey: ["key-1", "key-2"],
  newNamespace: Array.from({ length: 500 }, (_, i) => `fuzz-namespace-${i}`),
  reason: ["because", ""],
  cron: ["", "", "", "*/5 * * * *", "@every 1h", "@daily", "CRON_TZ=Europe/Rome 0 8 * * 1"],
  attribute: ["FuzzWord", "FuzzText", "FuzzNumber", "FuzzTime", "FuzzWords", "FuzzFlag", "TemporalChangeVersion"],
  mask: [
    "taskQueue.name",
    "startToCloseTimeout",
    "retryPolicy.maximumAttempts",
    "retry_policy",
    "priority",
    "versioning_override",
  ],
  query: [
    "",
    "WorkflowType = 'Order'",
    "ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH 'live-'",
    "StartTime > '2024-01-01T00:00:00Z' OR CloseTime IS NULL",
    "FuzzNumber BETWEEN 1 AND 10 AND FuzzWord IN ('a', 'b')",
    "(TaskQueue = 'fuzz-a' OR RunId != 'x') ORDER BY StartTime DESC",
    "HistoryLength >= 3 AND ExecutionDuration < '5m'",
    "WorkerIdentity = 'worker-1'",
    "GROUP BY ExecutionStatus",
  ],
  scheduleId: ["s1", "s2", "s3"],
  calendarField: ["", "*", "1", "*/5", "1-3"],
  zone: ["", "", "Europe/Rome"],
  /** A batch does what it is asked to do: the witnesses are not to be among its workflows. */
  liveQuery: ["WorkflowId STARTS_WITH 'live-1'", "WorkflowId = 'live-2'", "WorkflowId IN ('live-3', 'live-4')"],
  jobId: Array.from({ length: 8 }, (_, i) => `job-${i}`),
  deploymentName: ["d1", "d2"],
  buildId: ["b1", "b2"],
  endpointName: ["endpoint-a", "endpoint-b", "endpoint-c"],
  plain: ["x", "text", "Größe", "1", "default"],
} as const satisfies Record<string, readonly string[]>;

export type NameKind = keyof typeof named;
const learnedText = ["runId", "protocolInstanceId", "messageId", "liveActivityId", "endpointId"] as const;
const learnedBytes = ["workflowToken", "activityToken", "nexusToken", "queryToken", "pageToken"] as const;
export type LearnedText = (typeof learnedText)[number];
export type LearnedBytes = (typeof learnedBytes)[number];

/** An activity under way, by both of its ids: either alone says nothing. */
export interface LiveActivity {
  readonly workflowId: string;
  readonly activityId: string;
}

export class Known {
  readonly #activities: LiveActivity[] = [];
  readonly #texts = new Map<LearnedText, string[]>(learnedText.map((kind) => [kind, []]));
  readonly #bytes = new Map<LearnedBytes, Uint8Array[]>(learnedBytes.map((kind) => [kind, []]));

  learnText(kind: LearnedText, value: string): void {
    if (value !== "") keep(this.#texts.get(kind)!, value);
  }

  learnBytes(kind: LearnedBytes, value: Uint8Array): void {
    if (value.length > 0) keep(this.#bytes.get(kind)!, value);
  }

  learnActivity(activity: LiveActivity): void {
    this.learnText("liveActivityId", activity.activityId);
    keep(this.#activities, activity);
  }

  activity(choice: number): LiveActivity | undefined {
    return latest(this.#activities, choice);
  }

  name(kind: NameKind, choice: number): string {
    return named[kind][choice % named[kind].length]!;
  }

  /** "" when none is known yet. */
  text(kind: LearnedText, choice: number): string {
    return latest(this.#texts.get(kind)!, choice) ?? "";
  }

  /** Empty when none is known yet. Half of the time the latest, which then is nobody else's: a task token is good for one answer. */
  bytes(kind: LearnedBytes, choice: number): Uint8Array {
    const kept = this.#bytes.get(kind)!;
    const fresh = Math.floor(choice / 2) % 2 === 0 && kept.length > 1 ? kept.pop() : undefined;
    return fresh ?? latest(kept, choice) ?? new Uint8Array(0);
  }
}

function keep<T>(kept: T[], value: T): void {
  kept.push(value);
  if (kept.length > keptMax) kept.shift();
}

/** Three times out of four one of the last few: tokens go stale. */
function latest<T>(kept: readonly T[], choice: number): T | undefined {
  const span = choice % 4 === 0 ? kept.length : Math.min(kept.length, 4);
  return kept[kept.length - 1 - (Math.floor(choice / 4) % Math.max(span, 1))];
}
