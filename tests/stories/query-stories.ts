/** Queries, and histories as clients read them. */
import { enums } from "@pawl/protocol";
import { activity, applicationFailure, complete, fail, marker, seconds, sticky, text, timer } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const Reject = enums.QueryRejectCondition;
const Answered = enums.QueryResultType.ANSWERED;

export const queryStories: readonly Story[] = [
  story("query", "an idle workflow is queried by a task of its own", async (s) => {
    await idle(s);
    const asked = query(s);
    await answer(s);
    await asked;
  }),

  story("query-closed", "a closed workflow can be queried", async (s) => {
    await s.start();
    await s.step([complete()]);
    const asked = query(s);
    await answer(s);
    await asked;
  }),

  story("query-failed", "the failure of a query reaches its caller", async (s) => {
    await idle(s);
    const asked = query(s);
    const task = await s.workflowTask();
    await s.call("RespondQueryTaskCompleted", {
      namespace: "default",
      taskToken: task.taskToken,
      completedType: enums.QueryResultType.FAILED,
      errorMessage: "no such query",
      failure: applicationFailure("no such query"),
    });
    await asked;
  }),

  story("query-buffered", "a query during a workflow task is answered with its completion", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await s.signal("go");
    const asked = query(s);
    const task = await s.workflowTask();
    const [id = ""] = Object.keys(task.queries);
    s.note("queries", Object.keys(task.queries).length);
    if (id === "") await s.complete(task);
    else
      await s.complete(task, [], { queryResults: { [id]: { resultType: Answered, answer: text("with the task") } } });
    if (id === "") await answer(s);
    await asked;
  }),

  story("query-rejected", "a query says in which state of a workflow it is not to be asked", async (s) => {
    await s.start();
    await s.step([fail()]);
    await query(s, { queryRejectCondition: Reject.NOT_OPEN });
    await query(s, { queryRejectCondition: Reject.NOT_COMPLETED_CLEANLY });
  }),

  story(
    "query-not-ready",
    "a workflow without a completed workflow task that keeps failing is not ready for a query",
    async (s) => {
      await s.start();
      for (let attempt = 1; attempt <= 3; attempt++) {
        const { taskToken } = await s.workflowTask();
        await s.call("RespondWorkflowTaskFailed", { namespace: "default", taskToken, identity: "worker", cause: 14 });
      }
      await query(s);
    },
  ),

  story("query-unknown", "a workflow that is not there cannot be queried", async (s) => {
    await query(s);
    await s.attempt("QueryWorkflow", { namespace: "default", execution: { workflowId: s.name } });
  }),

  story("query-late", "an answer to a query that is over is refused", async (s) => {
    await idle(s);
    const asked = query(s);
    const task = await s.workflowTask();
    const request = {
      namespace: "default",
      taskToken: task.taskToken,
      completedType: Answered,
      queryResult: text("answer"),
    };
    await s.call("RespondQueryTaskCompleted", request);
    await asked;
    await s.attempt("RespondQueryTaskCompleted", request);
  }),

  story("history-close-event", "a reader of the close event waits for it", async (s) => {
    await s.start();
    const waiting = s.closed();
    await s.step([complete()]);
    await waiting;
  }),

  story("history-close-event-open", "the close event of an open workflow is its last event", async (s) => {
    await s.start();
    await s.history({ historyEventFilterType: enums.HistoryEventFilterType.CLOSE_EVENT });
  }),

  story("history-reverse", "a history is read from its end", async (s) => {
    await s.start();
    await s.step([marker(), timer("t", 60)]);
    await s.signal("go");
    await s.call("GetWorkflowExecutionHistoryReverse", { namespace: "default", execution: { workflowId: s.name } });
  }),

  story("history-virtual", "the events of a repeated workflow task are shown to SDKs and not to people", async (s) => {
    await s.start();
    const { taskToken } = await s.workflowTask();
    await s.call("RespondWorkflowTaskFailed", { namespace: "default", taskToken, identity: "worker", cause: 14 });
    for (const name of ["temporal-go", "temporal-java", "temporal-cli", "temporal-ui", "other"]) {
      const request = { namespace: "default", execution: { workflowId: s.name } };
      await s.call("GetWorkflowExecutionHistory", request, { headers: { "client-name": name } });
      await s.call("GetWorkflowExecutionHistoryReverse", request, { headers: { "client-name": name } });
    }
  }),

  story("history-new-event", "a reader waits for the event after those it has", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    const execution = { workflowId: s.name };
    const first = await s.history({ execution, waitNewEvent: true });
    const waiting = s.history({ execution, waitNewEvent: true, nextPageToken: first.nextPageToken });
    await s.signal("go");
    const { nextPageToken } = await waiting;
    s.note("goes on", nextPageToken.byteLength > 0);
    await s.step([complete()]);
    const last = await s.history({ execution, waitNewEvent: true, nextPageToken });
    s.note("goes on after the end", last.nextPageToken.byteLength > 0);
  }),

  story("history-pages", "all pages together are the history", async (s) => {
    await s.start();
    await s.step([marker(), activity(s.name), timer("t", 60)]);
    await s.signal("one");
    await s.step([complete()]);
    await pages(s);
  }),

  story("sticky-query", "a query goes to the worker that has the workflow in its cache", async (s) => {
    await s.start();
    await s.step([timer("t", 60)], { stickyAttributes: sticky(`${s.name}-mine`) });
    const taskQueue = { name: `${s.name}-mine`, kind: enums.TaskQueueKind.STICKY, normalName: s.name };
    const waiting = s.workflowTask(undefined, { taskQueue });
    // A query only goes to a worker of whose poll the server knows.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const asked = query(s);
    const { taskToken } = await waiting;
    await s.call("RespondQueryTaskCompleted", {
      namespace: "default",
      taskToken,
      completedType: Answered,
      queryResult: text("cached"),
    });
    await asked;
  }),
];

async function idle(s: Play): Promise<void> {
  await s.start({ workflowRunTimeout: seconds(300) });
  await s.step([timer("t", 60)]);
}

function query(s: Play, extra: object = {}): Promise<unknown> {
  const asked = { queryType: "state", queryArgs: text("args") };
  return s.attempt("QueryWorkflow", {
    namespace: "default",
    execution: { workflowId: s.name },
    query: asked,
    ...extra,
  });
}

async function answer(s: Play): Promise<void> {
  const { taskToken } = await s.workflowTask();
  await s.call("RespondQueryTaskCompleted", {
    namespace: "default",
    taskToken,
    completedType: Answered,
    queryResult: text("answer"),
  });
}

/** How many events a page holds is the server's own affair: only what they hold together is compared. */
async function pages(s: Play): Promise<void> {
  const found: number[] = [];
  let nextPageToken = new Uint8Array(0);
  do {
    const page = await s.unrecorded("GetWorkflowExecutionHistory", {
      namespace: "default",
      execution: { workflowId: s.name },
      maximumPageSize: 2,
      nextPageToken,
    });
    found.push(...s.eventsOf(page).map(({ eventId }) => eventId));
    nextPageToken = new Uint8Array(page.nextPageToken);
  } while (nextPageToken.byteLength > 0);
  s.note("event ids", found);
}
