import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../limits.ts";
import { Patience } from "./patience.ts";

const { waitingBytesMax: bytesMax, metadataBytesMax: leastBytes, callerMsMax: msMax } = limits;

/** Calls by name, and the names of those that were given up. */
function calls() {
  const gone: string[] = [];
  const call = (name: string) => ({ giveUp: () => void gone.push(name) });
  return { gone, call };
}

test("when the budget is spent, whoever has waited longest goes", () => {
  const [patience, { gone, call }] = [new Patience(), calls()];
  const [first, second, third] = [call("first"), call("second"), call("third")];
  patience.begin(first, 0, 1);
  patience.begin(second, bytesMax - 2 * leastBytes, 2);
  assert.deepEqual([gone, patience.bytes], [[], bytesMax]);
  patience.begin(third, 0, 3);
  assert.deepEqual([gone, patience.bytes], [["first"], bytesMax]);
  patience.grow(third, 1);
  assert.deepEqual([gone, patience.bytes], [["first", "second"], leastBytes + 1]);
});

test("what has ended counts no more, and what begins anew is new", () => {
  const [patience, { gone, call }] = [new Patience(), calls()];
  const [first, second] = [call("first"), call("second")];
  patience.begin(first, 100, 1);
  patience.begin(second, 0, 2);
  patience.begin(first, 5, 3);
  assert.equal(patience.bytes, 2 * leastBytes + 5);
  patience.grow(first, bytesMax);
  assert.deepEqual(gone, ["second", "first"]);
  assert.deepEqual([patience.count, patience.bytes], [0, 0]);
  patience.end(first);
  patience.grow(first, 7);
  assert.deepEqual([patience.count, patience.bytes], [0, 0]);
});

test("who waits for too long is given up, and nobody else", () => {
  const [patience, { gone, call }] = [new Patience(), calls()];
  patience.begin(call("first"), 0, 0);
  patience.begin(call("second"), 0, 1);
  patience.look(msMax - 1);
  assert.deepEqual(gone, []);
  patience.look(msMax);
  assert.deepEqual([gone, patience.count], [["first"], 1]);
});
