/** What each scenario shows, said as a sentence that can be false. Every language has all of `everyLanguage`, and no others than these. */
export const everyLanguage = {
  activities: "a workflow runs activities one after another and side by side",
  retries: "an activity that fails twice succeeds at its third attempt, each after its backoff",
  "non-retryable": "a failure is not retried when it, its type or the number of attempts says so",
  "activity-timeouts": "each of the four activity timeouts reaches the workflow as the SDK's own error",
  "heartbeat-resume": "a heartbeating activity resumes from its details after the process of its worker is killed",
  "local-activity": "a local activity is retried in the worker and leaves a marker",
  "async-completion": "an activity is completed from outside by token and by id, and failed from outside",
  "eager-start": "a workflow whose worker is at hand gets its first task with the answer to its start",
  timer: "a timer never fires early, and a cancelled one not at all",
  signal: "signals arrive in order, and are refused after the end",
  "signal-with-start": "signal-with-start starts a workflow, or signals the one that runs",
  query: "queries are answered before and after the end, and refused in the SDK's own errors",
  "query-while-busy": "queries are answered while workflow tasks come and go",
  cancel: "a cancelled workflow lets its activity clean up, and compensates",
  terminate: "a terminated workflow ends at once, with reason and details",
  "workflow-failure": "a workflow's failure reaches the client with its types, details and causes",
  "run-timeout": "a workflow ends when its run or execution timeout is over",
  "workflow-retry": "a failed workflow runs again as its retry policy says",
  "already-started": "a second start with the same id does what the reuse and conflict policies say",
  "describe-list-count": "workflows are described, listed and counted as they are",
  "big-history": "a workflow of 200 activities is replayed from paged history at every task",
  replay: "fetched histories replay clean, and a changed workflow does not",
  "auto-heartbeat":
    "an activity in a wrapper that heartbeats for it outlives its heartbeat timeout and hears of its cancellation",
  "deadline-aware": "an activity that looks at its deadline stops before it and returns what it has done",
  "local-activity-fallback": "a workflow falls back to a normal activity when a local one has failed for good",
  "local-activity-long": "a local activity that is longer than a workflow task keeps it by heartbeats",
  "local-activity-backoff": "a local activity whose backoff is long waits for it in a timer",
  "human-approval": "people in another process approve, decline, fail and cancel activities, by token and by id",
  polling: "a workflow polls often in one activity, seldom by retries, and for ever in a child that continues as new",
  saga: "a saga undoes in reverse order what it has done, trying each compensation until it succeeds",
  "error-classification":
    "an activity is retried after some errors, fails for good after others, and returns what is none",
  "cancellation-types": "a workflow only asks for a cancellation, waits for it, or abandons the activity",
  "next-retry-delay": "a failure says when the next attempt comes",
  "rate-limit": "a worker's limit for its task queue holds activities back",
  "eager-activity":
    "an activity for the worker's own queue comes with the answer to its workflow task, and not by the queue",
  "nexus-operation":
    "a workflow calls Nexus operations that answer at once, after retries, and with a workflow of the handler's, each linked to the other",
  "nexus-failure":
    "an operation's refusal, its failure, the failure of its workflow and its timeout reach the caller as the SDK's own errors",
  "nexus-cancel":
    "a caller cancels an operation's workflow and waits for its end, for the request or for nothing, or abandons it",
  "worker-versions":
    "pinned runs stay with their version, others move with the current one, or go where they were told to",
  reset:
    "a workflow is reset to an earlier task, with the signals and updates since and with its child, and both histories replay clean",
  "worker-shutdown": "an activity learns that its worker shuts down, and goes on in the next one",
  "seed-progress": "document: a long-running activity resumes at its last heartbeat",
  "seed-cancellation": "document: a cancelled long-running activity cleans up",
  "seed-batch": "document: a batch goes on with all of its progress after it was stuck",
} as const;

export const onlyPython = {
  "rolling-workers": "workers whose pollers scale are replaced one by one while there is work, and no activity is lost",
  "seed-call-api": "document: an API call is retried with exponential backoff",
  "seed-large-file": "document: a large file is processed under a heartbeat timeout",
  "seed-notification": "document: a notification is sent once, whatever is retried",
  "seed-loan-approval": "document: a loan is approved, refused for each reason, and given up after three attempts",
  "seed-order-processing": "document: transient payment errors are retried, a declined payment cancels the order",
  "seed-timeouts": "document: activities get the timeouts and the retry policy that each kind of work asks for",
  "seed-mistakes":
    "document: what comes of no heartbeats, of too little time for a person, and of errors that are not told apart",
  "seed-order-test": "document: the order workflow passes its own test on this server",
} as const;

/** Of what operators do by the API alone. */
export const notTypescript = {
  "pause-workflow": "a paused workflow does nothing until it goes on",
} as const;

export const onlyJava = {
  "held-activity":
    "an activity hears while it runs that it is reset or paused, and goes on as its operator says, with other options",
} as const;

/** Of standalone activities, for which only these SDKs have clients, and of what operators do by the API alone. */
export const pythonAndGo = {
  "join-running": "a start that finds its workflow running joins it, once, by an event that it can be found by",
  "standalone-activity": "an activity without a workflow is started, waited for, described, listed and counted",
  "standalone-activity-endings": "an activity without a workflow is retried, times out, is cancelled and terminated",
  "standalone-activity-held": "an activity without a workflow is paused, moved to another queue and let go",
} as const;

/** Of workflows that answer updates, speak to each other, follow each other, and say things of themselves. */
export const pythonAndTypescript = {
  updates: "updates are validated, accepted and answered, once for each id, and refused ones leave no trace",
  "delay-and-delete": "a workflow starts when its delay is over, and one that was deleted is known no more",
  "update-with-start": "an update starts its workflow, or finds it running",
  "external-messages": "workflows signal and cancel others, and hear when there is nobody",
  "child-policies":
    "children are terminated, cancelled or left with their parent's end; they fail, are cancelled and exist already",
  cron: "a workflow runs again and again by a cron schedule, and knows its last result",
  "continue-as-new": "a workflow continues as new, with its memo, in a chain that knows its first run",
  upserts: "a workflow changes its search attributes and memo, is found by them, and says what it does",
} as const;

export const onlyGo = {
  "worker-session": "the activities of a session run on one worker, and sessions wait for room",
} as const;

/** Looks at what the others have left, so it runs after them. */
export const afterwards = {
  "replay-all": "every history that a worker of this language has made replays clean in its official replayer",
} as const;

/** Needs somebody who speaks HTTP to the server, so it runs apart from the others. */
export const overHttp = {
  "approval-over-http": "activities are completed, failed and answered by a link over HTTP, by somebody without an SDK",
} as const;

/** Needs a server that is killed meanwhile, so it runs apart from the others. */
export const whileKilled = {
  "outlive-server":
    "a workflow, its worker and its client outlive kill -9 of the server, with every signal once and in order",
} as const;
