import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { command, common, failure, history, type Init } from "./index.ts";

const completed = { activityTaskCompletedEventAttributes: { scheduledEventId: 5, startedEventId: 6 } };
const fired = { timerFiredEventAttributes: { timerId: "t", startedEventId: 3 } };
const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe("a choice between fields", () => {
  test("is read as the last one on the wire, whatever came before and after it", () => {
    const encode = (event: Init<history.HistoryEvent>) => history.HistoryEvent.encode(event);
    const decode = (bytes: Uint8Array) => history.HistoryEvent.decode(bytes);
    const event = decode(concat(encode({ eventId: 7, ...completed }), encode(fired), encode({ taskId: 9 })));
    assert.deepEqual([event.eventId, event.taskId], [7, 9]);
    assert.equal(event.activityTaskCompletedEventAttributes, undefined);
    assert.deepEqual(
      event.timerFiredEventAttributes,
      history.TimerFiredEventAttributes.create(fired.timerFiredEventAttributes),
    );
    const back = decode(concat(encode(fired), encode(completed), encode(fired), encode(completed)));
    assert.equal(back.timerFiredEventAttributes, undefined);
    assert.equal(back.activityTaskCompletedEventAttributes?.scheduledEventId, 5);
  });

  test("is written once, in the place of its number, in whatever order its message was made", () => {
    const eventTime = { seconds: 1_700_000_000, nanos: 5 };
    const links = [{ batchJob: { jobId: "j" } }];
    const forwards = { eventId: 7, eventTime, taskId: 9, ...completed, workerMayIgnore: true, links };
    const backwards = Object.fromEntries(Object.entries(forwards).reverse());
    const bytes = history.HistoryEvent.encode(forwards);
    assert.deepEqual(history.HistoryEvent.encode(backwards), bytes);
    assert.deepEqual(history.HistoryEvent.encode(history.HistoryEvent.decode(bytes)), bytes);
    // 1, 2, 5, then the attributes (17), then what has numbers of 300 and more.
    const numbers: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const [tag, afterTag] = varint(bytes, at);
      numbers.push(tag >>> 3);
      const [value, afterValue] = varint(bytes, afterTag);
      at = (tag & 7) === 2 ? afterValue + value : afterValue;
    }
    assert.deepEqual(numbers, [1, 2, 5, 17, 300, 302]);
  });

  test("that is absent or null is not written", () => {
    const none = { timerFiredEventAttributes: undefined, activityTaskCompletedEventAttributes: null } as never;
    assert.equal(history.HistoryEvent.encode(none).length, 0);
    assert.equal(command.Command.encode({ startTimerCommandAttributes: undefined }).length, 0);
  });

  test("of few fields is read and written alike", () => {
    const given = {
      message: "m",
      cause: { message: "c", timeoutFailureInfo: {} },
      applicationFailureInfo: { type: "T" },
    };
    const { applicationFailureInfo, timeoutFailureInfo, cause } = failure.Failure.decode(failure.Failure.encode(given));
    assert.equal(applicationFailureInfo?.type, "T");
    assert.equal(timeoutFailureInfo, undefined);
    assert.ok(cause?.timeoutFailureInfo && !cause.applicationFailureInfo);
    const link = common.Link.decode(common.Link.encode({ batchJob: { jobId: "j" } }));
    assert.deepEqual([link.batchJob?.jobId, link.workflowEvent], ["j", undefined]);
  });
});

function varint(bytes: Uint8Array, from: number): [value: number, next: number] {
  let value = 0;
  for (let at = from, unit = 1; ; at++, unit *= 0x80) {
    value += (bytes[at]! & 0x7f) * unit;
    if (bytes[at]! < 0x80) return [value, at + 1];
  }
}
