import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure } from "@pawl/protocol";
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  isCancellation,
  rootCause,
  ServerFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
} from "./failure.ts";
import {
  cutoffStackTrace,
  DefaultFailureConverter,
  defaultFailureConverter,
  errorToFailure,
  failureToError,
} from "./failure-converter.ts";
import { defaultPayloadConverter as converter } from "./payload-converter.ts";

/** Over the wire and back, as bytes. */
function sent(error: unknown): TemporalFailure {
  const bytes = failure.Failure.encode(errorToFailure(error, converter));
  return failureToError(failure.Failure.decode(bytes), converter) as TemporalFailure;
}

function plain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { cause, failure: _, stack: __, ...fields } = error as TemporalFailure & { stack?: string };
  return { ...fields, kind: error.name, message: error.message, cause: plain(cause) };
}

describe("every kind of failure comes back as what it was, with its causes", () => {
  const root = ApplicationFailure.create({
    ...{ message: "root", type: "Root", nonRetryable: true, details: [1, { a: "b" }] },
    ...{ nextRetryDelay: 1_500, category: "BENIGN" },
  });
  for (const error of [
    root,
    ApplicationFailure.retryable("plain"),
    new CancelledFailure("stopped", ["why"], root),
    new TimeoutFailure("late", { at: 7 }, "HEARTBEAT", root),
    new TerminatedFailure("gone"),
    new ServerFailure("broken", true),
    new ActivityFailure("Activity task failed", "charge", "5", "MAXIMUM_ATTEMPTS_REACHED", "worker-1", root),
    new ChildWorkflowFailure("default", { workflowId: "w", runId: "r" }, "child", "TIMEOUT", new CancelledFailure("x")),
  ]) {
    test(error.name, () => {
      const expected = plain(error) as Record<string, unknown>;
      // Absent and default are the same on the wire; an application failure without a type gets its class's name.
      if (error instanceof ApplicationFailure) expected["type"] ??= "ApplicationFailure";
      assert.deepEqual(plain(sent(error)), expected);
      assert.ok(sent(error) instanceof TemporalFailure);
    });
  }
});

test("any other error becomes an application failure of its name, a value that is none becomes a message", () => {
  const error = new RangeError("too far", { cause: new TypeError("inner") });
  const received = sent(error);
  assert.ok(received instanceof ApplicationFailure);
  assert.deepEqual([received.type, received.message, received.cause?.message], ["RangeError", "too far", "inner"]);
  assert.match(sent({ code: 5 }).message, /^{"code":5}/);
  assert.match(sent("text").message, /^text/);
});

test("a failure that came off the wire goes back as it came", () => {
  const original = errorToFailure(ApplicationFailure.nonRetryable("x", "X", 1), converter);
  const wrapped = new ActivityFailure("m", "a", "1", undefined, undefined, failureToError(original, converter));
  assert.equal(errorToFailure(wrapped, converter).cause, original);
});

test("the stack names where user code threw, and nothing of the SDK below it", () => {
  const { stackTrace } = errorToFailure(new Error("here"), converter);
  assert.match(stackTrace.split("\n")[0] ?? "", /failure-converter\.test\.ts/);
});

describe("of a stack", () => {
  const thrown = "    at charge (/app/src/activities.ts:7:11)";
  const packed = (name: string) => `    at ${name} (file:///app/node_modules/@pawl/sdk/lib/worker/activity.js:1:2)`;
  const sandboxed = (name: string) => `    at ${name} (pawl-workflow-runtime.js:9:9)`;
  const native = "    at Array.map (<anonymous>)";
  const queued = "    at process.processTicksAndRejections (node:internal/process/task_queues:104:5)";

  for (const [what, frames, kept] of [
    ["what is below the call by the SDK", [thrown, packed("execute"), "    at main (/app/main.ts:1:1)"], [thrown]],
    ["what of the SDK made the error", [packed("nonRetryable"), thrown, packed("execute")], [thrown]],
    ["that in the sandbox", [sandboxed("nonRetryable"), thrown, sandboxed("start")], [thrown]],
    ["what the SDK had called itself", [sandboxed("encode"), native, sandboxed("toPayload"), thrown], [thrown]],
    ["an error of the SDK's own, wholly", [packed("poll"), queued], []],
    ["nothing where the user called a built-in", [native, thrown, queued, packed("execute")], [native, thrown, queued]],
  ] as const) {
    test(`leaves out ${what}`, () => {
      assert.deepEqual(cutoffStackTrace(["Error: no", ...frames].join("\n")), kept.join("\n"));
    });
  }

  test("a failure says where it was made, whichever way", () => {
    for (const error of [new Error("no"), ApplicationFailure.nonRetryable("no"), ApplicationFailure.create({})]) {
      const { stackTrace } = errorToFailure(error, converter);
      assert.match(stackTrace.split("\n")[0] ?? "", /failure-converter\.test\.ts/);
    }
  });
});

test("details that cannot be read are left out, and the failure still says what failed", () => {
  const broken = errorToFailure(ApplicationFailure.nonRetryable("x", "X", { a: 1 }), converter);
  broken.applicationFailureInfo!.details!.payloads[0]!.data = new Uint8Array([123]);
  const error = failureToError(broken, converter) as ApplicationFailure;
  assert.deepEqual([error.type, error.details], ["X", undefined]);
});

test("cancellation is seen through what wraps it", () => {
  const cancelled = new CancelledFailure("x");
  const wrapped = new ChildWorkflowFailure(
    "n",
    {},
    "t",
    undefined,
    new ActivityFailure("m", "a", "1", undefined, undefined, cancelled),
  );
  assert.equal(isCancellation(wrapped), true);
  assert.equal(isCancellation(ApplicationFailure.fromError(cancelled)), false);
  assert.equal(rootCause(wrapped), "x");
});

test("instanceof holds for errors of another copy of the library, and not for others of the same shape", () => {
  const mark = Symbol.for("pawl.sdk.ApplicationFailure");
  assert.ok({ [mark]: true } instanceof ApplicationFailure);
  assert.ok(!({ message: "x" } instanceof ApplicationFailure));
  class Mine extends ApplicationFailure {}
  assert.ok(new Mine("x") instanceof Mine);
  assert.ok(!(new ApplicationFailure("x") instanceof Mine));
});

describe("encoded common attributes", () => {
  const encoding = new DefaultFailureConverter({ encodeCommonAttributes: true });

  test("message and stack of a whole chain travel in payloads, and come back", () => {
    const error = ApplicationFailure.create({ message: "secret", cause: new Error("inner secret") });
    const failure = encoding.errorToFailure(error, converter);
    assert.equal(failure.message, "Encoded failure");
    assert.equal(failure.cause?.message, "Encoded failure");
    assert.equal(failure.stackTrace, "");
    assert.doesNotMatch(JSON.stringify({ ...failure, encodedAttributes: undefined, cause: undefined }), /secret/);
    // Whoever reads it need not write so itself.
    const back = defaultFailureConverter.failureToError(failure, converter) as ApplicationFailure;
    assert.equal(back.message, "secret");
    assert.equal(back.cause?.message, "inner secret");
    assert.equal(back.failure, failure, "it goes on as it came");
  });

  test("attributes that are no such record are passed over", () => {
    const encodedAttributes = { externalPayloads: [], ...converter.toPayload("just text") };
    const failure = { message: "plain", source: "", stackTrace: "", encodedAttributes };
    assert.equal(encoding.failureToError(failure, converter).message, "plain");
  });
});

test("an error that is its own cause is written once", () => {
  const outer = new Error("outer");
  outer.cause = new Error("inner", { cause: outer });
  const failure = errorToFailure(outer, converter);
  assert.equal(failure.cause?.message, "inner");
  assert.equal(failure.cause?.cause?.cause, undefined);
});
