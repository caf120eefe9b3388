/** Requests that both servers are asked over HTTP, in this order. */

export interface HttpRequest {
  /** `VERB path`; the path is below `/api/v1/namespaces/default` unless it begins with another slash: `//cluster`. */
  readonly line: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const start = { workflowType: { name: "T" }, taskQueue: { name: "q" } };
const bare = "application/json+no-payload-shorthand";
const query = (text: string) => `query=${encodeURIComponent(text)}`;

const payloads = [
  1,
  "a",
  null,
  { x: [true] },
  { _protoMessageType: "a.B", y: 2 },
  { metadata: { encoding: "YmluYXJ5L3BsYWlu" }, data: "AAE=" },
  { metadata: { encoding: "anNvbi9wbGFpbg==", more: "eA==" }, data: "MQ==" },
  { metadata: { encoding: "anNvbi9wbGFpbg==" } },
  { data: "MQ==", metadata: { encoding: "?" } },
  { data: "MQ==", metadata: {} },
  { data: "MQ==" },
  { data: "MQ==", metadata: { encoding: "anNvbi9wbGFpbg==" }, other: 1 },
];

const starting: readonly HttpRequest[] = [
  {
    line: "POST /workflows/all",
    body: {
      ...start,
      input: payloads,
      workflowRunTimeout: "1000.5s",
      workflow_task_timeout: "7s",
      workflowIdReusePolicy: "AllowDuplicate",
      workflowIdConflictPolicy: 1,
      retryPolicy: {
        maximumAttempts: "3",
        initialInterval: "1s",
        backoffCoefficient: 2.5,
        nonRetryableErrorTypes: ["X"],
      },
      memo: { fields: { b: "y", a: [1] } },
      header: { fields: { h: { z: 1 }, n: null } },
      requestId: "11111111-1111-4111-8111-111111111111",
      identity: "me",
      userMetadata: { summary: "short", details: null },
      priority: { priorityKey: 2, fairnessWeight: 0.5 },
    },
  },
  { line: "GET /workflows/all" },
  { line: "GET /workflows/all/history" },
  { line: "GET /workflows/all/history?noPayloadShorthand" },
  { line: "GET /workflows/all/history", headers: { accept: bare } },
  { line: "GET /workflows/all/history-reverse?maximumPageSize=1" },
  { line: "GET //namespaces/default/workflows/all/history?maximum_page_size=1" },
  { line: "POST /workflows/all", body: start },
  { line: "POST /workflows/in-body", body: { ...start, workflowId: "another" } },
  { line: "POST /workflows/in-query?identity=q&workflowId=z", body: start },
  {
    line: "POST /workflows/full",
    headers: { "content-type": bare },
    body: { ...start, input: { payloads: [payloads[5]] } },
  },
  { line: "POST /workflows/list", body: { ...start, input: { payloads: [1, null, payloads[6]] } } },
  { line: "GET /workflows/list/history?noPayloadShorthand" },
];

const asking: readonly HttpRequest[] = [
  { line: "POST /workflows/all/signal/go", body: { input: [{ a: 1 }], identity: "me" } },
  { line: "POST /workflows/new/signal-with-start/go", body: { ...start, signalInput: [1] } },
  { line: "GET /workflows/new/history" },
  { line: "POST /workflows/nobody/signal/go", body: {} },
  { line: "POST /workflows/all/cancel", body: { reason: "why", workflowExecution: { runId: "" } } },
  { line: "POST /workflows/all/query/state", headers: { "grpc-timeout": "900m" }, body: {} },
  { line: "POST /workflows/all/terminate", body: { reason: "enough", details: ["d", { e: 1 }] } },
  { line: "GET /workflows/all/history?waitNewEvent=true&historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT" },
  { line: "GET /workflows/all/history?historyEventFilterType=2&noPayloadShorthand" },
  { line: "POST /workflows/all/terminate" },
  { line: `GET /workflows?pageSize=2&${query("WorkflowId = 'all'")}` },
  { line: `GET /workflow-count?${query("WorkflowId = 'all'")}` },
  { line: `GET /workflow-count?${query("WorkflowId = 'all' GROUP BY ExecutionStatus")}` },
  { line: "GET /task-queues/q?taskQueueType=TASK_QUEUE_TYPE_WORKFLOW" },
  { line: "GET /task-queues/q?taskQueue.kind=1&task_queue_type=2" },
  { line: "GET //namespaces/default/task-queues/q" },
];

const operating: readonly HttpRequest[] = [
  {
    line: "POST //api/v1/namespaces",
    body: { namespace: "made", description: "d", workflowExecutionRetentionPeriod: "86400s", data: { k: "v" } },
  },
  { line: "GET //api/v1/namespaces/made" },
  { line: "GET //cluster/namespaces/made" },
  { line: "POST //api/v1/namespaces/made/update", body: { updateInfo: { description: "e" } } },
  { line: "GET //api/v1/namespaces/nobody" },
  { line: "GET /search-attributes" },
  { line: "POST /activity-complete", body: { taskToken: "AAAA", result: [1] } },
  { line: "POST /activity-heartbeat", body: { details: [1] } },
  { line: "POST /workflows/new/activities/a/complete", body: { result: ["x"] } },
  {
    line: "POST /workflows/new/activities/a/fail",
    body: { failure: { message: "m", applicationFailureInfo: { type: "X" } } },
  },
  { line: "POST /workflows/new/activities/a/resolve-as-canceled", body: {} },
  { line: "POST /workflows/new/activities/a/heartbeat", body: {} },
];

const wrong: readonly HttpRequest[] = [
  { line: "GET //nope" },
  { line: "GET /workflows/" },
  { line: "GET /workflows/nobody" },
  { line: "GET /workflows/a%252Fb" },
  { line: "GET /workflows/new?execution.runId=abc" },
  { line: "GET /workflows/new?nope=1" },
  { line: "GET /workflows/new/history?maximumPageSize=x" },
  { line: "GET /workflows/new/history?nextPageToken=!!" },
  { line: "GET /workflows/new/history?waitNewEvent=maybe" },
  { line: `GET /workflows?${query("nonsense")}` },
  { line: "POST /workflows/x" },
  { line: "POST /workflows/x", body: [] },
  { line: "POST /workflows/x", body: "text" },
  ...[
    { taskQueue: { nam: "q" } },
    { workflowType: { name: 1 } },
    { workflow_type: { name: "T" }, workflowType: { name: "T" } },
    { workflowIdReusePolicy: "Nope" },
    { workflowRunTimeout: { seconds: 1 } },
    { workflowStartDelay: "1x" },
    { input: "abc" },
    { requestEagerExecution: "true" },
    { retryPolicy: { maximumAttempts: 1.5 } },
    { retryPolicy: { maximumAttempts: 3e9 } },
    { retryPolicy: { nonRetryableErrorTypes: "X" } },
    { memo: { fields: [] } },
  ].map((body) => ({ line: "POST /workflows/x", body: { ...start, ...body } })),
];

export const requests: readonly HttpRequest[] = [...starting, ...asking, ...operating, ...wrong];
