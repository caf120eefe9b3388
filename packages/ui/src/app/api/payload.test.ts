import assert from "node:assert/strict";
import { test } from "node:test";
import { failureText } from "./failure.ts";
import { encodedPayloads, payloadsOf, shownDeep, shownPayload, shownPayloads, withDecoded } from "./payload.ts";

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

test("payloads are found wherever they are in a message, and those that need a codec are replaced by what it says", () => {
  const secret = full("binary/encrypted", "x");
  const message = {
    input: { payloads: [full("json/plain", "1"), secret] },
    header: { fields: { trace: full("json/plain", '"a"') } },
    failure: { encodedAttributes: secret, message: "m" },
    empty: { payloads: [] },
  };
  const sentence = "binary/encrypted, 1 bytes";
  assert.deepEqual(shownDeep(message), {
    input: [1, sentence],
    header: { fields: { trace: "a" } },
    failure: { encodedAttributes: sentence, message: "m" },
    empty: [],
  });
  assert.equal(encodedPayloads(message).length, 2);
  const decoded = shownDeep(withDecoded(message, () => full("json/plain", '"told"')));
  assert.deepEqual(decoded, {
    input: [1, "told"],
    header: { fields: { trace: "a" } },
    failure: { encodedAttributes: "told", message: "m" },
    empty: [],
  });
  assert.deepEqual([payloadsOf(message.input).length, payloadsOf([1, 2]).length, payloadsOf("x").length], [2, 2, 0]);
});
