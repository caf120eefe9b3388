/**
 * Every limit of the server, with the reference server's defaults where it has one, and how they relate. What the engine enforces on one run
 * (history, pending things, signals) is in `engine/limits.ts`; `frontend/parts.ts` asserts how the two fit together.
 */
import assert from "node:assert/strict";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export const limits = {
  // Transport.

  /** A request message; larger ones get RESOURCE_EXHAUSTED with the text that SDKs look for. gRPC's default. */
  messageBytesMax: 4 * mebibyte,
  /**
   * Of the 100 levels of messages within messages that this server and the official SDKs read, so many are not for requests: what a request brings is
   * told again within others, such as a failure in an event of a history, and must be readable there.
   */
  requestDepthReserve: 20,
  /** Causes of a failure that comes as JSON over Nexus; those below are left out. */
  nexusCausesMax: 50,
  /** Of the same levels, for a failure that stands in the details of such a cause: its own causes are the Nexus failure's. */
  nexusDetailsDepthReserve: 90,
  /** Compressed messages that are unpacked at a time, each to `messageBytesMax`: as many as there are threads for it. */
  inflatedAtOnceMax: 4,
  /** A response is not limited by this server, but clients limit what they take to `messageBytesMax`: pages are cut to this many bytes. */
  pageBytesMax: 3 * mebibyte,
  /** All headers of one call. */
  metadataBytesMax: 16 * kibibyte,
  /** Calls under way on one connection. A worker process holds tens of long polls. */
  streamsPerConnectionMax: 10_000,
  /** How long any call may last, also one without a deadline or with a later one. */
  callMsMax: 10 * minuteMs,
  /** A connection is asked to go away after this time, and closed `connectionAgeGraceMs` later: clients then spread over the nodes again. */
  connectionAgeMsMax: 5 * minuteMs,
  connectionAgeGraceMs: 70 * secondMs,
  /** A connection that says nothing for this long is asked for a sign of life, and closed when none comes in time. */
  keepaliveMs: minuteMs,
  keepaliveTimeoutMs: 20 * secondMs,
  /** The status message of a refusal: it travels in a header. */
  statusMessageBytesMax: 4 * kibibyte,
  /** The details of a refusal, which travel in a header too; clients take header lists of 8 KiB (Java) to 16 MiB (Go). */
  statusDetailsBytesMax: 32 * kibibyte,
  /** After an answer that came before its request was all there: how long the rest is still read and dropped. */
  lingerMs: 10 * secondMs,
  /** How long a caller may keep the server waiting: for the rest of a request, and with taking an answer. */
  callerMsMax: minuteMs,
  /** What all requests that are not all there yet and all answers that are not taken may hold; then those that have waited longest are given up. */
  waitingBytesMax: 256 * mebibyte,
  /** How long a client may take to say hello over HTTP/2. */
  helloMsMax: 10 * secondMs,
  /** Bytes that may be under way to this server on one call, and on one connection. */
  streamWindowBytes: mebibyte,
  connectionWindowBytes: 8 * mebibyte,
  /** What HTTP/2 may hold in memory for one connection before new calls on it are refused. */
  connectionMemoryMebibytesMax: 64,
  /** Of one answer, waiting for room: a conversation takes no more questions until they have gone. */
  streamQueueBytes: 64 * kibibyte,
  /** Waiting for a peer that does not read: it is not read either until they have gone; and answers to its pings and settings, before it is an attack. */
  unreadBytesMax: 256 * kibibyte,
  unreadAnswersMax: 1_000,
  /** Headers of one request as they come, packed, and in how many frames; beyond that the connection ends. */
  headerBlockBytesMax: 64 * kibibyte,
  headerFramesMax: 16,
  /** Cancellations on one connection: as many at once, and so many a second on and on; beyond that it is an attack. */
  streamResetBurst: 1_000,
  streamResetsPerSecond: 200,
  /** The same of what costs more than it is good for: settings, empty data, calls that break the rules or are too many. */
  strainBurst: 1_000,
  strainsPerSecond: 200,
  /** How often connections are looked at: for their age, and for signs of life. */
  connectionSweepMs: 5 * secondMs,
  /** Connections of gRPC; further ones are closed at once. */
  connectionsMax: 20_000,
  /** Of one namespace, in one process: calls under way (a flood beyond it would only wait), and long polls, of which a worker holds tens. */
  namespaceRunningMax: 4_096,
  namespaceWaitingMax: 20_000,
  /** Of one namespace, in one process: what the requests of all these calls hold, of each what is above the size of a poll: queries that wait carry 2 MB. */
  namespaceRequestBytesMax: 256 * mebibyte,
  smallRequestBytes: 4 * kibibyte,
  /** Of one namespace, in one process, of gRPC and HTTP: so that one's flood leaves room for others. */
  namespaceConnectionsMax: 10_000,
  /** What callers are told who were too many: try again after this time. */
  retryAfterMs: 1_000,
  /** How long a client may take to say hello over TLS. */
  tlsHandshakeMsMax: 10 * secondMs,
  /** How often files that an operator may exchange (certificates, keys) are looked at. */
  fileLookMs: 5 * secondMs,
  /** How far the clocks of this machine and of who issues tokens may differ. */
  jwtSkewMsMax: 30 * secondMs,
  /** A token whose signature was good is not checked again for so long; and so many are remembered. */
  jwtRememberedMs: minuteMs,
  jwtRememberedMax: 10_000,
  /** Keys of which the log says that tokens cannot be signed with them. */
  jwtUselessKeysMax: 100,
  /** How long a server of keys has to answer. */
  jwksMsMax: 5 * secondMs,
  /** Keys are asked for again when they are older; while their server gives none, those that were had last count for so long. */
  jwksFreshMs: 5 * minuteMs,
  jwksStaleMsMax: 12 * hourMs,
  /** A token may name a key that is not known, which is worth a question no more often than this; after one that failed, the next may come sooner. */
  jwksRestMs: 30 * secondMs,
  jwksRetryMs: 10 * secondMs,
  /** After this time the user of the web UI logs in again. */
  sessionMsMax: 12 * hourMs,
  /** Sessions that were closed earlier, some 100 bytes each: more than people close in that time. */
  closedSessionsMax: 10_000,
  /** What a session carries: sealed, it has to fit the 4 KiB of a cookie. */
  sessionCredentialBytesMax: 2_800,
  /** From SIGTERM to exit: calls under way get the first part, the rest of the process the second. */
  drainMsMax: 7 * secondMs,
  /** After the last answer: how long clients may take to close their connections. */
  farewellMs: 500,
  stopMsMax: 10 * secondMs,

  /** What charts of the last hour are drawn from: how often it is taken, and how many are kept, some 100 numbers each. */
  metricsHistoryEveryMs: 5 * secondMs,
  metricsHistoryMax: 720,

  // HTTP.

  /** The request line and all headers of one request: a list filter of the largest size, percent-encoded, travels in the line. */
  httpHeadBytesMax: 256 * kibibyte,
  /** Of a query string, which is taken apart before anybody knows who asks: in more of them each is looked for too long. */
  httpParametersMax: 1_000,
  /** How long the head, and the whole of a request, may take to arrive. */
  httpHeadMsMax: 20 * secondMs,
  httpRequestMsMax: minuteMs,
  /** A connection without a request is closed after this time. */
  httpIdleMsMax: 75 * secondMs,
  httpConnectionsMax: 10_000,
  /** In one answer of the HTTP route that lists task queues; those with the most waiting tasks are among them. */
  taskQueuesListedMax: 1_000,
  /** Server-sent events: how long a reader may take nothing before it is cut off, how often a stream without news says that it lives, and how long it rests after news. */
  streamStallMsMax: 30 * secondMs,
  streamBeatMs: 15 * secondMs,
  streamPauseMs: 200,

  /** How long a link to complete an activity may be good for, and is unless it is said. */
  activityLinkMsMin: secondMs,
  activityLinkMsDefault: 7 * dayMs,
  activityLinkMsMax: 366 * dayMs,

  // Names and ids, in bytes of UTF-8.

  /** Workflow id and type, activity id, task queue, signal name, request id, identity, namespace, … */
  idBytesMax: 1_000,
  namespaceDescriptionBytesMax: 10 * kibibyte,
  /** All keys and values of a namespace's `data`. */
  namespaceDataBytesMax: 64 * kibibyte,
  namespacesMax: 10_000,
  /** Worker builds that a namespace refuses (like the reference server). */
  badBinariesMax: 10,

  // Payloads.

  /** One set of payloads: input, result, details, failure, … */
  blobBytesMax: 2 * mebibyte,
  /** What is kept of each text of a failure that is too large. */
  failureTextCharsMax: 64 * kibibyte,
  memoBytesMax: 2 * mebibyte,
  /** What tools show of a standalone activity: a line, and a text. */
  activitySummaryBytesMax: 400,
  activityDetailsBytesMax: 20_000,
  searchAttributesMax: 100,
  searchAttributeBytesMax: 2 * kibibyte,
  searchAttributesBytesMax: 40 * kibibyte,
  linksMax: 10,
  linkBytesMax: 4_000,
  callbacksMax: 2_000,
  callbackUrlBytesMax: 1_000,
  callbackHeaderBytesMax: 8 * kibibyte,
  fairnessKeyBytesMax: 64,

  // Long polls.

  /** Every poll needs a deadline at least this far away. */
  pollMsMin: 2 * secondMs,
  /** How long a poll for a task is held open. */
  taskPollMsMax: minuteMs,
  /** How long a read of history, or a wait for an update, is held open. */
  historyPollMsMax: 20 * secondMs,
  /** A poll answers "nothing yet" this long before its caller gives up, so that the answer arrives. */
  pollMarginMs: secondMs,

  // Queries.

  /** Queries that wait for the same run. */
  bufferedQueriesMax: 1,
  /** From this attempt of the workflow task on, its worker is held to be broken: queries and updates are refused at once. */
  notReadyAttempt: 3,
  queryMsDefault: 10 * secondMs,

  batchOperationsPerSecondDefault: 50,
  /** Executions that a batch deals with at once. */
  batchStepMax: 100,
  batchAttemptsMax: 5,
  batchRetryMs: 200,
  /** Executions that a batch may name one by one. */
  batchExecutionsMax: 1_000,
  openBatchJobsMax: 1,
  /** Of each namespace, the newest. */
  closedBatchJobsMax: 200,
  batchPageMax: 100,

  scheduleNotesBytesMax: 1_000,
  /** Of schedules with more calendars and intervals, lists show the next times as they were when the schedule last did something. */
  listedScheduleRulesMax: 10,
  /** Ranges of one patch that are to be filled in. */
  backfillsOfPatchMax: 1_000,

  // Pages.

  historyPageEventsMax: 256,
  visibilityPageMax: 1_000,
  /** Open executions that one request for pending activities reads, and activities that it shows. */
  pendingScanMax: 200,
  pendingPageMax: 200,
  pendingPageDefault: 50,
  namespacePageDefault: 100,
  namespacePageMax: 1_000,
  /** The text of a list filter. */
  visibilityQueryBytesMax: 64 * kibibyte,
  /** Comparisons in a list filter, and how deep its parentheses nest: databases bound both. */
  visibilityTermsMax: 500,
  visibilityDepthMax: 100,

  // Workers.

  /** A worker that has not been heard of for so long is gone. They say that they are there once a minute. */
  workerSeenMs: 5 * minuteMs,
  /** Workers remembered of one namespace; the one not heard of for longest goes first. */
  workersMax: 10_000,
  workerHeartbeatBytesMax: 64 * kibibyte,
  /** Of all of them: 3 KB for each, which is what SDKs say and some more. */
  workersBytesMax: 32 * mebibyte,
  workerPageMax: 1_000,

  // Nexus.

  nexusEndpointsMax: 10_000,
  nexusEndpointNameBytesMax: 200,
  nexusEndpointDescriptionBytesMax: 20_000,
  nexusEndpointUrlBytesMax: 4 * kibibyte,
  nexusEndpointPageDefault: 100,
  nexusEndpointPageMax: 1_000,
  nexusOperationTokenBytesMax: 4_096,
  /** How long one request to a handler may take, and one that tells of an end. */
  outsideCallMsMax: 10 * secondMs,
  /** With less time than this before an operation's deadline, no request is made: its answer would come too late. */
  outsideCallMsMin: 1_500,
  /** How long a request that comes from outside waits for its handler, as at the reference server. */
  nexusRequestMsMax: minuteMs,
  /** The handler is given so much less, so that its answer, or that there was none, reaches who asked before he gives up. */
  nexusAnswerMarginMs: secondMs,
  /** Requests under way to one endpoint or address; further ones wait their turn. */
  outsideCallsPerTargetMax: 1_000,

  // Task queues.

  /** Queues that operators have set something for. */
  queueConfigsMax: 10_000,
  /** Fairness keys of one queue whose weight operators have set (like the reference server). */
  fairnessWeightsMax: 1_000,
  // Worker deployments: like the reference server.

  /** Of one namespace. */
  deploymentsMax: 100,
  /** Of one deployment. When there are as many, one that is of no use any more goes. */
  deploymentVersionsMax: 100,
  /** Task queues of one version. */
  deploymentQueuesMax: 100,
  /** A deployment's name and a build id, in bytes: together with a prefix of 39 they make one id. */
  deploymentNameBytesMax: 480,
  /** All metadata of one version, encoded. */
  versionMetadataBytesMax: 64 * kibibyte,
  deploymentPageMax: 100,
  /** How long after it was last current or ramping a version is held to be draining in any case: tasks that it had then are over by now. */
  drainageGraceMs: 3 * minuteMs,
  /** How old the answer may be to whether open runs are pinned to a version. */
  drainageRefreshMs: 10 * secondMs,
  /** Task queues of which it is remembered that no deployment has to do with them. */
  routesMax: 10_000,

  // Namespaces.

  /** Executions of a deleted namespace that are deleted at once. */
  namespaceDeleteBatch: 100,
  /** A deleted namespace is looked through again so long after its deletion: by then no request that began before it is still under way. */
  namespaceSettleMs: 10 * secondMs,
  /** After a fault, or when runs have something to tell others before they can go: how long deletion waits. */
  namespaceDeleteRetryMs: secondMs,
  retentionMsMin: hourMs,
  /** Of the `default` namespace and those that the command line makes. */
  retentionMsDefault: dayMs,
} as const;

export type Limits = typeof limits;

// A long poll that is answered in time by its own rule must not be cut by the transport's.
assert(limits.taskPollMsMax + limits.pollMarginMs <= limits.callMsMax);
assert(limits.historyPollMsMax + limits.pollMarginMs <= limits.callMsMax);
// After a connection was asked to go away, a poll that had just begun may still end by itself.
assert(limits.taskPollMsMax + limits.pollMarginMs < limits.connectionAgeGraceMs);
assert(limits.connectionAgeGraceMs < limits.connectionAgeMsMax);
assert(limits.keepaliveTimeoutMs < limits.keepaliveMs);
assert(limits.connectionSweepMs < limits.keepaliveTimeoutMs);
assert(limits.connectionSweepMs < limits.helloMsMax && limits.helloMsMax < limits.keepaliveMs);
// No one call can spend what there is for all.
assert(16 * (limits.messageBytesMax + limits.metadataBytesMax) <= limits.waitingBytesMax);
assert(limits.lingerMs <= limits.callerMsMax && limits.callerMsMax < limits.callMsMax);
// A message of the largest size is under way at once where several calls share a connection.
assert(
  limits.streamWindowBytes <= limits.connectionWindowBytes && limits.messageBytesMax <= limits.connectionWindowBytes,
);
assert(limits.connectionWindowBytes <= limits.connectionMemoryMebibytesMax * mebibyte);
assert(limits.metadataBytesMax < limits.headerBlockBytesMax);
// The shortest poll still waits after its margin is taken off.
assert(limits.pollMarginMs < limits.pollMsMin && limits.pollMsMin < limits.historyPollMsMax);
// A payload of the largest size fits a message with room for the rest of the request, and a page fits what clients take.
assert(2 * limits.blobBytesMax <= limits.messageBytesMax);
assert(limits.memoBytesMax <= limits.blobBytesMax);
assert(limits.failureTextCharsMax * 4 * 4 <= limits.blobBytesMax); // four texts, each character at most four bytes
assert(limits.pageBytesMax + limits.idBytesMax * 10 < limits.messageBytesMax);
assert(limits.searchAttributeBytesMax <= limits.searchAttributesBytesMax);
// Several ids travel in one status message, which travels in a header.
assert(limits.idBytesMax < limits.statusMessageBytesMax && limits.statusMessageBytesMax < limits.metadataBytesMax);
// Both together, encoded, stay below the 64 KiB that HTTP/2 stacks take as one header block.
assert(3 * limits.statusMessageBytesMax + (4 / 3) * limits.statusDetailsBytesMax < 60 * kibibyte);
assert(3 * limits.visibilityQueryBytesMax + limits.metadataBytesMax <= limits.httpHeadBytesMax);
assert(limits.namespaceConnectionsMax < limits.connectionsMax);
assert(limits.connectionSweepMs < limits.httpHeadMsMax && limits.httpHeadMsMax <= limits.httpRequestMsMax);
assert(limits.streamPauseMs < limits.streamBeatMs && limits.streamBeatMs < limits.streamStallMsMax);
assert(limits.activityLinkMsMin <= limits.activityLinkMsDefault);
assert(limits.activityLinkMsDefault <= limits.activityLinkMsMax);
assert(limits.drainMsMax < limits.stopMsMax);
// Sealed and as text a credential is a third longer, with some sixty bytes around it.
assert(limits.sessionCredentialBytesMax * (4 / 3) + 300 < 4 * kibibyte);
assert(limits.retentionMsMin <= limits.retentionMsDefault);
assert(limits.namespacePageDefault <= limits.namespacePageMax);
assert(limits.outsideCallMsMin < limits.outsideCallMsMax);
assert(limits.nexusAnswerMarginMs < limits.nexusRequestMsMax && limits.nexusRequestMsMax <= limits.callMsMax);
assert(limits.nexusEndpointPageDefault <= limits.nexusEndpointPageMax);
// A page holds at least one endpoint.
assert(limits.nexusEndpointDescriptionBytesMax + limits.nexusEndpointUrlBytesMax < limits.pageBytesMax);

/** Of spans, where a collector takes them. What operators may set otherwise has the names and defaults of OpenTelemetry's own variables. */
export const traceLimits = {
  /** Spans in one request, and how long the first of them waits for others. */
  batchDefault: 512,
  delayMsDefault: 5 * secondMs,
  /** Spans that wait; what comes beyond is dropped. */
  queueDefault: 2_048,
  /** How long one request may take. */
  timeoutMsDefault: 10 * secondMs,
  /** Of one request; before the second comes `retryMs`, before each further one twice the time, and no wait that a collector asks for is longer than `retryMsMax`. */
  attemptsMax: 5,
  retryMs: secondMs,
  retryMsMax: 30 * secondMs,
  /** How long the end of the process waits for the last spans. */
  closeMsMax: secondMs,
} as const;

assert(traceLimits.batchDefault <= traceLimits.queueDefault);
assert(limits.drainMsMax + traceLimits.closeMsMax < limits.stopMsMax);

export const shardLimits = {
  /** Shards of one process on an embedded store: while one commits, the next executes. */
  embeddedShards: 4,
  /** Commands of one commit. More would not be faster, and would make the first of them wait. */
  batchMax: 256,
  /** Commands that wait for a shard before callers are told to slow down. */
  inboxMax: 8_192,
  /** Memory for workflows in use, for all shards together, by the cache's own estimate. */
  cacheBytesMax: 24 * 1024 * 1024,
  /** How long after a failed commit its workflows are looked at again. */
  retryMs: 1_000,
  /** Runs read at once when waiting tasks are dispatched again after a start. */
  redispatchPage: 500,
} as const;

assert(shardLimits.batchMax <= shardLimits.inboxMax); // A full batch always fits the inbox.
assert(limits.namespaceRunningMax < shardLimits.inboxMax); // However one namespace floods a shard, there is room for others.

/** Several nodes on one database. */
export const clusterLimits = {
  /** Shards of a new database in PostgreSQL, whether it is one node's or several nodes': it never changes. */
  shards: 32,
  /** How long a node that gives no sign of life keeps what it owns. */
  leaseMsDefault: 5_000,
  leaseMsMin: 500,
  leaseMsMax: 60_000,
  /** Signs of life in one lease: more than one may fail to come. */
  beatsPerLease: 5,
  /** A connection to another node that takes longer is none. */
  connectMsMax: 1_000,
  /** A request to another node that is larger has a stream of its own, where no other waits behind it. */
  linkRequestBytesMax: 64 * kibibyte,
  /** Frames to another node that are written together, unless one is larger. */
  linkBatchBytes: 256 * kibibyte,
  /** What another node may answer at once: far more than the largest page of a history. Whoever listens at a dead node's address may send without end. */
  answerBytesMax: 64 * mebibyte,
  /** What may wait for a node to read it before it counts as one that cannot be reached. */
  linkWaitingBytesMax: 8 * mebibyte,
  /** How often calls are looked for that have lasted too long. */
  linkSweepMs: 1_000,
  /** Processes that have gone, of which a node knows which of their calls it has taken: some 200 bytes each. */
  goneSendersMax: 10_000,
  /** What a call may take on its way to another node without its time getting shorter. */
  wayMsMax: 200,
  /** What nodes ask of each other by themselves has its answer by then, or is asked again. */
  askMsMax: 2_000,
  /** How long one waits for the others to read what has changed, before its caller is told that it has. */
  announceMsMax: 1_000,
  /** While what a call is for moves between nodes: how often its place is looked for again, and for how long. */
  rerouteMs: 50,
  rerouteMsMax: 10_000,
  /** How long the owner of a shard or queue is given to let it go, and how often it is looked whether it has. */
  handOverMsMax: 5_000,
  handOverPollMs: 100,
  /** Workflow tasks whose queries wait for the poll that they are for: between two steps of one call, so there are never many. */
  carriedMax: 1_000,
  /** How long a poll is lent to another node at most; and how long a node that takes longer gets none. */
  loanMsMax: 500,
  loanRefusedMs: 5_000,
  /** Executions of which a node remembers which of its workers has them cached. */
  stickyNotesMax: 10_000,
  /** Tasks and questions that travel to another node together. */
  deliverMax: 200,
  deliverRetryMs: 100,
  /** Partitions of a task queue: the default makes no difference to a node that is alone. More than there are nodes only makes their shares more alike. */
  queuePartitionsDefault: 1,
  queuePartitionsMax: 64,
  /** How soon after its use the parts of a queue are evened out, and by how much the age of what waits must have changed to be told anew. */
  balanceMs: 10,
  balanceAgeMs: 500,
  /** Tasks that one node wants of another before it says so again. */
  balanceMax: 100,
  /** A queue of which so many polls come within so long, all to one node that does not have it, goes to live there. */
  homePollsMin: 20,
  homeWindowMs: 1_000,
  /** It stays there for so long, which is renewed so often; and for so many renewals without a poll. */
  homeLeaseMs: 5_000,
  homeRenewMs: 1_500,
  homeIdleRenewals: 20,
  /** How long a node that would not take a queue is not asked again. */
  homeRefusedMs: 30_000,
} as const;

assert(clusterLimits.leaseMsMin <= clusterLimits.leaseMsDefault);
assert(clusterLimits.leaseMsDefault <= clusterLimits.leaseMsMax);
// A link ends with its connection, before any call must.
assert(1.1 * limits.connectionAgeMsMax + limits.connectionAgeGraceMs < limits.callMsMax);
assert(2 * (clusterLimits.linkBatchBytes + clusterLimits.linkRequestBytesMax) < limits.messageBytesMax);
assert(clusterLimits.linkBatchBytes + 2 * limits.pageBytesMax < clusterLimits.answerBytesMax);
// One renewal may get lost.
assert(2 * clusterLimits.homeRenewMs + clusterLimits.askMsMax <= clusterLimits.homeLeaseMs);
assert(clusterLimits.wayMsMax < limits.pollMarginMs / 2);
// A call outlasts the death of the node that it is for.
assert(clusterLimits.leaseMsDefault + clusterLimits.askMsMax < clusterLimits.rerouteMsMax);

export const matchingLimits = {
  /** A sticky queue whose worker has not polled for so long has no worker: its tasks go to the normal queue (like the reference server). One that has hung up has none at once. */
  stickySeenMs: 10_000,
  /** A queue that nobody polled for so long, and a poller not seen for so long, are forgotten (like the reference server's poller history). */
  idleMs: 300_000,
  /** How often forgotten queues and pollers are looked for. */
  sweepMs: 60_000,
  /**
   * How long after the goodbye of a busy worker its polls are told that nothing comes any more. SDKs take the first such answer for the end and drop what
   * arrives after it, and answers that arrive together may overtake each other in them.
   */
  partingMs: 100,
  /** How long polls of a worker that has said goodbye are turned away: longer than any poll that was on its way. */
  goodbyeMs: 60_000,
  /** Pollers remembered for one queue; the one not seen for longest goes first. Identities are the callers' own text, so they must be bounded. */
  pollersMax: 1_000,
  /** From so many queues on, empty ones are kept for `stickySeenMs` only: their names are the callers' own, and one costs about 2 KB. */
  crowd: 10_000,
  /** Weights of fairness keys; further out they count as these (like the reference server). */
  weightMin: 0.001,
  weightMax: 1_000,
  /** Fairness keys with a line of their own in one priority of one queue; further ones share so many lines. A line costs about 600 bytes. */
  fairnessKeysMax: 10_000,
  fairnessLanesShared: 1_000,
  /** A poll that waited so long for its task was one too many; a backlog that is older needs more pollers (like the reference server). */
  pollerIdleMs: 1_000,
  backlogOldMs: 200,
  /** Tasks that come faster than they go by this factor need more pollers, too. */
  addRateHigh: 1.2,
  /** How long such a judgement of a queue is held to be true. */
  loadFreshMs: 100,
  /** How often more pollers are asked for, for each poller that there is. */
  pollerAdvicePerSecond: 10,
  /** Rates of a queue are averages over so many spans of so long (30 s together, like the reference server). */
  rateSpanMs: 5_000,
  rateSpans: 6,
} as const;

// A sticky queue must not be forgotten while it may still be the first choice, nor its goodbye.
assert(matchingLimits.stickySeenMs < matchingLimits.idleMs);
assert(matchingLimits.stickySeenMs <= matchingLimits.goodbyeMs);

/** What one explanation of a waiting workflow may read, so that asking for it costs about as much as opening a few pages. */
export const explanationLimits = {
  /** How far back timers and errors are looked for. */
  eventsMax: 2_000,
  /** Workflows that are looked into, children and theirs included, and how far down. */
  workflowsMax: 20,
  depthMax: 5,
  /** A worker's poll lasts a minute; who has not asked for two has gone. */
  pollerGoneMs: 120_000,
} as const;

// Pollers are remembered for longer than it takes to miss them.
assert(explanationLimits.pollerGoneMs < matchingLimits.idleMs);
