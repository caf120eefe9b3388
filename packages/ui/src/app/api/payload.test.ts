import assert from "node:assert/strict";
import { test } from "node:test";
import { failureText } from "./failure.ts";
import { shownPayload, shownPayloads } from "./payload.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const full = (encoding: string, data: string) => ({ metadata: { encoding: base64(encoding) }, data: base64(data) });

test("payloads are shown as what they hold, and what cannot be read is named", () => {
  assert.deepEqual(shownPayload({ amount: 5 }), { amount: 5 });
  assert.equal(shownPayload(full("binary/null", "")), null);
  assert.deepEqual(shownPayload(full("json/plain", '{"ä":1}')), { ä: 1 });
  assert.equal(shownPayload(full("json/plain", "{broken")), "{broken");
  assert.equal(shownPayload(full("binary/encrypted", "12345")), "binary/encrypted, 5 bytes");
  assert.deepEqual(shownPayload({ metadata: { colour: "red" } }), { metadata: { colour: "red" } });
});

test("one value stands alone, several are a list, none is nothing", () => {
  assert.deepEqual(
    [shownPayloads(undefined), shownPayloads([]), shownPayloads([7]), shownPayloads([7, 8])],
    [undefined, undefined, 7, [7, 8]],
  );
});

test("a failure is told by what went wrong first", () => {
  const failure = {
    message: "activity error",
    cause: { message: "declined", applicationFailureInfo: { type: "CardError" } },
  };
  assert.equal(failureText(failure), "CardError: declined");
  assert.equal(
    failureText({ message: "", timeoutFailureInfo: { timeoutType: "TIMEOUT_TYPE_START_TO_CLOSE" } }),
    "timed out (start to close)",
  );
});
