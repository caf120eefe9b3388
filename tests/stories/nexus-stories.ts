/** Nexus operations: a caller's commands and history, a handler's answers, and how the end of a handler's workflow comes back. */
import { enums } from "@pawl/protocol";
import { goOn } from "./going-on.ts";
import {
  answer,
  call,
  callbackIs,
  cancellation,
  cancellationIs,
  cancelled,
  described,
  done,
  endpoint,
  failure,
  handlerError,
  handlerOf,
  handlerStep,
  isBackingOff,
  nextTask,
  poll,
  refuse,
  type Start,
  started,
  startHandler,
} from "./nexus-handler.ts";
import {
  applicationFailure,
  type Command,
  cancelNexus,
  cancelWorkflow,
  complete,
  continueAsNew,
  fail,
  nexus,
  payload,
  seconds,
  text,
  timer,
} from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const { SUCCEEDED, FAILED } = enums.CallbackState;

/** The operation's workflow ends in some way, and the caller hears of it. */
function endStory(name: string, sentence: string, end: (s: Play) => Promise<unknown>, start: Start = {}): Story {
  return story(`nexus-end-${name}`, sentence, async (s) => {
    await call(s);
    const task = await poll(s);
    await startHandler(s, task, start);
    await answer(s, task, started);
    await s.step();
    await end(s);
    await s.step([complete()]);
    await described(s, handlerOf(s), callbackIs(SUCCEEDED));
  });
}

/** A command that cannot be carried out fails the workflow task. */
function badStory(name: string, sentence: string, commands: (s: Play) => Command[]): Story {
  return story(`nexus-bad-${name}`, sentence, async (s) => {
    await endpoint(s);
    await s.start();
    const task = await s.workflowTask();
    const accepted = await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, commands(s)));
    if (!accepted) await goOn(s, s.name, task);
  });
}

const long = "x".repeat(1_001);

export const nexusStories: readonly Story[] = [
  story("nexus-sync", "a handler answers with the result", async (s) => {
    await call(s);
    await answer(s, await poll(s), done);
    await s.step([complete()]);
  }),

  story("nexus-sync-nothing", "a handler answers with no result, and the answer names an event", async (s) => {
    await call(s);
    const url = "temporal:///namespaces/default/workflows/w/r/history?referenceType=EventReference&eventID=3";
    const type = "temporal.api.common.v1.Link.WorkflowEvent";
    const links = [
      { url: `${url}&eventType=WorkflowExecutionStarted`, type },
      { url: "https://example.com", type: "page" },
    ];
    const task = await poll(s);
    await answer(s, task, { syncSuccess: { links } });
    await answer(s, task, { syncSuccess: {} });
    await s.step([complete()]);
  }),

  story("nexus-timeouts-cut", "no timeout is longer than the run's, nor a part longer than the whole", async (s) => {
    const timeouts = { scheduleToStartTimeout: seconds(20), startToCloseTimeout: seconds(5) };
    await call(s, timeouts, { workflowRunTimeout: seconds(15) });
    await answer(s, await poll(s), started);
    await s.step([complete()]);
  }),

  story("nexus-async", "a handler starts a workflow, whose result is the operation's", async (s) => {
    await call(s, { scheduleToCloseTimeout: seconds(60) });
    const task = await poll(s);
    await startHandler(s, task);
    await answer(s, task, started);
    await described(s, s.name, ({ pendingNexusOperations: [one] }) => one?.operationToken === "token");
    await s.step();
    await handlerStep(s, [complete("result")]);
    await s.step([complete()]);
    await described(s, handlerOf(s), callbackIs(SUCCEEDED));
  }),

  story("nexus-end-first", "the workflow ends before the handler has answered", async (s) => {
    await call(s);
    const task = await poll(s);
    await startHandler(s, task);
    await handlerStep(s, [fail(applicationFailure("broke", {}, { cause: applicationFailure("why") }))]);
    await s.step([timer()]);
    await answer(s, task, started);
    await s.step([complete()]);
  }),

  endStory("failed", "the operation fails with its workflow", (s) => handlerStep(s, [fail()])),
  endStory("canceled", "the operation is cancelled with its workflow", (s) => handlerStep(s, [cancelWorkflow()])),
  endStory("terminated", "the operation fails when its workflow is terminated", (s) =>
    s.call("TerminateWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: handlerOf(s) },
      reason: "enough",
      identity: "client",
    }),
  ),
  endStory("timed-out", "the operation fails when its workflow times out", () => Promise.resolve(), {
    workflowRunTimeout: seconds(1),
  }),
  endStory("continued", "the operation ends with the whole chain", async (s) => {
    await handlerStep(s, [continueAsNew({ backoffStartInterval: seconds(1) })]);
    await handlerStep(s, [complete("second")]);
  }),
  endStory(
    "retried",
    "the operation ends with the last attempt",
    async (s) => {
      await handlerStep(s, [fail()]);
      await handlerStep(s, [complete("second")]);
    },
    { retryPolicy: { maximumAttempts: 2, initialInterval: seconds(1) } },
  ),
  endStory("nothing", "the operation's result is nothing when its workflow's is", (s) =>
    handlerStep(s, [{ ...complete(), completeWorkflowExecutionCommandAttributes: {} }]),
  ),

  story("nexus-caller-closed", "nobody waits for the end any more", async (s) => {
    await call(s);
    const task = await poll(s);
    await startHandler(s, task);
    await answer(s, task, started);
    await s.step([complete()]);
    await handlerStep(s, [complete()]);
    await described(s, handlerOf(s), callbackIs(FAILED));
  }),

  story("nexus-failed", "a handler answers with the operation's failure", async (s) => {
    await call(s);
    await answer(s, await poll(s), { operationError: { operationState: "failed", failure } });
    await s.step([complete()]);
  }),

  story("nexus-canceled", "a handler answers that the operation was cancelled", async (s) => {
    await call(s);
    await answer(s, await poll(s), { operationError: { operationState: "canceled", failure } });
    await s.step([complete()]);
  }),

  story("nexus-failed-plain", "a failure of a message alone", async (s) => {
    await call(s);
    await answer(s, await poll(s), { operationError: { operationState: "failed", failure: { message: "no" } } });
    await s.step([complete()]);
  }),

  story("nexus-failed-new", "a failure in the API's own form", async (s) => {
    await call(s);
    const inner = { cause: applicationFailure("inner") };
    await answer(s, await poll(s), { failure: applicationFailure("new", { nonRetryable: true }, inner) });
    await s.step([complete()]);
  }),

  story("nexus-canceled-new", "a cancellation in the API's own form", async (s) => {
    await call(s);
    await answer(s, await poll(s), { failure: { message: "gone", canceledFailureInfo: { details: text("why") } } });
    await s.step([complete()]);
  }),

  story("nexus-large-result", "a result that is too large", async (s) => {
    await call(s);
    const data = Buffer.alloc(2 * 1024 * 1024 + 1);
    await answer(s, await poll(s), { syncSuccess: { payload: { data } } });
    await s.step([complete()]);
  }),

  story("nexus-refused", "a handler's error is final", async (s) => {
    await call(s);
    await refuse(s, await poll(s), handlerError("BAD_REQUEST"));
    await s.step([complete()]);
  }),

  story("nexus-refused-new", "a handler's error in the API's own form", async (s) => {
    await call(s);
    const info = { nexusHandlerFailureInfo: { type: "NOT_FOUND" }, cause: applicationFailure("why") };
    await refuse(s, await poll(s), { failure: { message: "new", ...info } });
    await s.step([complete()]);
  }),

  story("nexus-refused-kept", "a failure of the API in Nexus' form comes back as it was", async (s) => {
    await call(s);
    const details = { source: "Story", applicationFailureInfo: { type: "Broken", nonRetryable: true } };
    const metadata = { type: "temporal.api.failure.v1.Failure" };
    const given = { message: "kept", stackTrace: "at", metadata, details: Buffer.from(JSON.stringify(details)) };
    await refuse(s, await poll(s), { error: { errorType: "BAD_REQUEST", failure: given } });
    await s.step([complete()]);
  }),

  story("nexus-retry", "a handler's error is tried again", async (s) => {
    await call(s);
    await refuse(s, await poll(s), handlerError("INTERNAL"));
    await described(s, s.name, isBackingOff(1));
    await refuse(s, await poll(s), handlerError("OF_TOMORROW"));
    await described(s, s.name, isBackingOff(2));
    await answer(s, await poll(s), done);
    await s.step([complete()]);
  }),

  story("nexus-retry-forced", "a handler says itself whether its error is final", async (s) => {
    const { RETRYABLE, NON_RETRYABLE } = enums.NexusHandlerErrorRetryBehavior;
    await call(s);
    await refuse(s, await poll(s), handlerError("BAD_REQUEST", RETRYABLE));
    await described(s, s.name, isBackingOff(1));
    await refuse(s, await poll(s), handlerError("INTERNAL", NON_RETRYABLE));
    await s.step([complete()]);
  }),

  story("nexus-empty", "a handler answers with nothing", async (s) => {
    await call(s);
    await answer(s, await poll(s), {});
    await described(s, s.name, isBackingOff(1));
  }),

  story("nexus-no-answer", "a handler does not answer in time", async (s) => {
    await call(s);
    const task = await poll(s);
    await described(s, s.name, ({ pendingNexusOperations: [one] }) => one?.attempt === 1);
    await answer(s, task, done);
    await answer(s, await poll(s), done);
    await s.step([complete()]);
  }),

  story("nexus-respond-odd", "answers that cannot be taken", async (s) => {
    await call(s);
    const task = await poll(s);
    await refuse(s, task, {});
    await refuse(s, task, { failure: applicationFailure("x") });
    await refuse(s, task, { error: { errorType: "INTERNAL", failure: { details: Buffer.from("no JSON") } } });
    const unreadable = { message: "x", details: Buffer.from("no JSON") };
    await answer(s, task, { operationError: { operationState: "failed", failure: unreadable } });
    await answer(s, task, { asyncSuccess: { operationToken: "x".repeat(4_097) } });
    await answer(s, { ...task, taskToken: Buffer.from("x") }, done);
    await answer(s, { ...task, taskToken: Buffer.alloc(0) }, done);
    await answer(s, task, { asyncSuccess: { operationId: "old name" } });
    await s.step([complete()]);
  }),

  story("nexus-cancel", "a started operation is cancelled through its handler", async (s) => {
    await call(s);
    const task = await poll(s);
    await startHandler(s, task);
    await answer(s, task, started);
    await s.step([cancelNexus(5)]);
    await cancelled(s, await poll(s));
    await described(s, s.name, cancellationIs(cancellation.SUCCEEDED));
    await s.step();
    await handlerStep(s, [cancelWorkflow()]);
    await s.step([complete()]);
  }),

  story("nexus-cancel-waiting", "an operation that has not started is cancelled when it has", async (s) => {
    await endpoint(s);
    await s.start();
    await s.step([nexus(s.name), cancelNexus(5)]);
    const task = await poll(s);
    await s.describe();
    await answer(s, task, started);
    await s.step();
    await cancelled(s, await poll(s));
    await s.step([complete()]);
  }),

  story("nexus-cancel-retried", "the start of a cancelled operation is tried again", async (s) => {
    await call(s);
    await refuse(s, await poll(s), handlerError("INTERNAL"));
    await s.signal("go");
    await s.step([cancelNexus(5)]);
    await described(s, s.name, isBackingOff(1));
    await answer(s, await poll(s), done);
    await s.step([complete()]);
  }),

  story("nexus-cancel-fails", "a handler refuses to cancel", async (s) => {
    await call(s);
    await answer(s, await poll(s), started);
    await s.step([cancelNexus(5)]);
    await refuse(s, await poll(s), handlerError("NOT_FOUND"));
    await described(s, s.name, cancellationIs(cancellation.FAILED));
    await s.step([complete()]);
  }),

  story("nexus-cancel-again", "a request to cancel is tried again", async (s) => {
    await call(s);
    await answer(s, await poll(s), started);
    await s.step([cancelNexus(5)]);
    await refuse(s, await poll(s), handlerError("INTERNAL"));
    await described(s, s.name, cancellationIs(cancellation.BACKING_OFF));
    await cancelled(s, await poll(s));
    await s.step([complete()]);
  }),

  story("nexus-cancel-ended", "an operation whose end is buffered can still be cancelled", async (s) => {
    await call(s);
    const task = await poll(s);
    await s.signal("go");
    const held = await s.workflowTask();
    await answer(s, task, done);
    await described(s, s.name, ({ pendingNexusOperations }) => pendingNexusOperations.length === 0);
    await s.complete(held, [cancelNexus(5)]);
    await s.step([complete()]);
  }),

  story("nexus-cancel-over", "an operation that has ended cannot be cancelled", async (s) => {
    await call(s);
    await answer(s, await poll(s), done);
    const refused = s.completeRequest(await s.workflowTask(), [cancelNexus(5)]);
    await s.attempt("RespondWorkflowTaskCompleted", refused);
  }),

  story("nexus-schedule-to-close", "an operation that nobody starts times out", async (s) => {
    await call(s, { scheduleToCloseTimeout: seconds(1) });
    await s.step([complete()]);
  }),

  story("nexus-schedule-to-close-started", "an operation that has started times out", async (s) => {
    await call(s, { scheduleToCloseTimeout: seconds(4), scheduleToStartTimeout: seconds(3) });
    await answer(s, await poll(s), started);
    await s.step();
    await s.step([complete()]);
  }),

  story("nexus-schedule-to-start", "an operation that starts too late times out", async (s) => {
    await call(s, { scheduleToStartTimeout: seconds(1) });
    await s.step([complete()]);
  }),

  story("nexus-start-to-close", "an operation that takes too long times out", async (s) => {
    await call(s, { startToCloseTimeout: seconds(1) });
    await answer(s, await poll(s), started);
    await s.step();
    await s.step([complete()]);
  }),

  story("nexus-buffered", "what happens during a workflow task comes after it, ends last", async (s) => {
    await endpoint(s);
    await s.start();
    await s.step([nexus(s.name), nexus(s.name, { operation: "second" })]);
    // They come in any order.
    const tasks = [await nextTask(s), await nextTask(s)];
    const taskOf = (operation: string) =>
      tasks.find(({ request }) => request?.startOperation?.operation === operation)!;
    await s.signal("on");
    const held = await s.workflowTask();
    await answer(s, taskOf("op"), done);
    await described(s, s.name, ({ pendingNexusOperations }) => pendingNexusOperations.length === 1);
    await answer(s, taskOf("second"), started);
    await described(s, s.name, ({ pendingNexusOperations: [one] }) => one?.operationToken === "token");
    await s.signal("late");
    await s.complete(held, [timer("t", 30)]);
    await s.step([complete()]);
  }),

  story("nexus-continue-as-new", "a run that continues as new leaves its operations behind", async (s) => {
    await call(s);
    const task = await poll(s);
    await s.signal("go");
    await s.step([continueAsNew()]);
    await answer(s, task, done);
    await s.step([complete()]);
  }),

  story("nexus-metadata", "a summary stands with the event", async (s) => {
    await endpoint(s);
    await s.start();
    await s.step([{ ...nexus(s.name), userMetadata: { summary: payload("summary") } }]);
    await answer(s, await poll(s), started);
    await s.step([{ ...cancelNexus(5), userMetadata: { summary: payload("enough") } }]);
  }),

  story("nexus-endpoint-gone", "the endpoint goes between two attempts", async (s) => {
    const worker = { namespace: "default", taskQueue: s.name };
    const made = await s.unrecorded("CreateNexusEndpoint", { spec: { name: s.name, target: { worker } } });
    await s.start();
    await s.step([nexus(s.name)]);
    await refuse(s, await poll(s), handlerError("INTERNAL"));
    await s.unrecorded("DeleteNexusEndpoint", { id: made.endpoint?.id ?? "", version: 1 });
    await s.step([complete()]);
  }),

  badStory("endpoint", "an endpoint that is not there", () => [nexus("nowhere")]),
  badStory("service", "a service with a long name", (s) => [nexus(s.name, { service: long })]),
  badStory("operation", "an operation with a long name", (s) => [nexus(s.name, { operation: long })]),
  badStory("timeout", "a negative timeout", (s) => [nexus(s.name, { scheduleToCloseTimeout: { seconds: -1 } })]),
  badStory("timeout-start", "a negative timeout of the start", (s) => [
    nexus(s.name, { scheduleToStartTimeout: { seconds: -1 } }),
  ]),
  badStory("timeout-end", "a negative timeout of the rest", (s) => [
    nexus(s.name, { startToCloseTimeout: { seconds: -1 } }),
  ]),
  badStory("header", "a header of the server's own", (s) => [
    nexus(s.name, { nexusHeader: { "Request-Timeout": "1s" } }),
  ]),
  badStory("header-large", "a large header", (s) => [nexus(s.name, { nexusHeader: { a: "b".repeat(8_192) } })]),
  badStory("input", "an input that is too large", (s) => [
    nexus(s.name, { input: { data: Buffer.alloc(2 * 1024 * 1024 + 1) } }),
  ]),
  badStory("none", "a command that says nothing", () => [{ commandType: enums.CommandType.SCHEDULE_NEXUS_OPERATION }]),
  badStory("many", "more operations than a run may have at once", (s) =>
    Array.from({ length: 31 }, () => nexus(s.name)),
  ),
  badStory("cancel-none", "a cancellation that says nothing", () => [
    { commandType: enums.CommandType.REQUEST_CANCEL_NEXUS_OPERATION },
  ]),
  badStory("cancel-unknown", "the cancellation of what is not there", () => [cancelNexus(5)]),
  badStory("cancel-foreseen", "the cancellation of what a worker cannot foresee", (s) => [
    nexus(s.name),
    cancelNexus(99),
  ]),
  badStory("cancel-twice", "a cancellation that comes twice", (s) => [nexus(s.name), cancelNexus(5), cancelNexus(5)]),
];
