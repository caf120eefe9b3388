import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeSeal, type SealedCall } from "./node-seal.ts";

const key = new Uint8Array(32).fill(7);
const call: SealedCall = { from: "a", to: "b", path: "/p", attachment: "x", request: new Uint8Array([1, 2, 3]) };

describe("the seal of a call between nodes", () => {
  test("is taken once", () => {
    const [sender, receiver] = [new NodeSeal(key), new NodeSeal(key)];
    const seal = sender.seal(call);
    assert.equal(receiver.open(call, seal), true);
    assert.equal(receiver.open(call, seal), false);
    assert.equal(receiver.open(call, sender.seal(call)), true);
  });

  test("is taken in any order, and not when it is far behind", () => {
    const [sender, receiver] = [new NodeSeal(key), new NodeSeal(key)];
    const [first, second, third] = [sender.seal(call), sender.seal(call), sender.seal(call)];
    for (const seal of [third, first]) assert.equal(receiver.open(call, seal), true);
    let last = "";
    for (let i = 0; i < 70_000; i++) last = sender.seal(call);
    assert.equal(receiver.open(call, last), true);
    assert.equal(receiver.open(call, second), false);
  });

  test("is not taken again when its sender has gone, and one that comes back goes on", () => {
    const [sender, receiver] = [new NodeSeal(key), new NodeSeal(key)];
    const [late, overheard] = [sender.seal(call), sender.seal(call)];
    assert.equal(receiver.open(call, overheard), true);
    receiver.closeAllBut(new Set());
    for (const seal of [overheard, late]) assert.equal(receiver.open(call, seal), false);
    assert.equal(receiver.open(call, sender.seal(call)), true);
  });

  test("holds for nothing else", () => {
    const receiver = new NodeSeal(key);
    const seal = new NodeSeal(key).seal(call);
    const others: SealedCall[] = [
      { ...call, from: "c" },
      { ...call, to: "c" },
      { ...call, path: "/q" },
      { ...call, attachment: "" },
      { ...call, request: new Uint8Array([1, 2, 4]) },
    ];
    for (const other of others) assert.equal(receiver.open(other, seal), false);
    assert.equal(receiver.open(call, new NodeSeal(new Uint8Array(32)).seal(call)), false);
    const [number = "", mac = ""] = seal.split(".");
    for (const forged of [
      "",
      ".",
      mac,
      `${Number(number) + 1}.${mac}`,
      `${number}.`,
      `-1.${mac}`,
      `1e1.${mac}`,
      `NaN.${mac}`,
    ])
      assert.equal(receiver.open(call, forged), false, forged);
    assert.equal(receiver.open(call, seal), true);
  });
});

test("the seal of an answer holds for this answer, to this call, in its place", () => {
  const [answering, asking] = [new NodeSeal(key), new NodeSeal(key)];
  const said = { from: "b", to: "a", of: "7", number: 1, answer: new Uint8Array([1, 2, 3]) };
  const seal = answering.sealAnswer(said);
  assert.equal(asking.isAnswer(said, seal), true);
  const others = [{ from: "c" }, { to: "c" }, { of: "8" }, { number: 2 }, { answer: new Uint8Array([1, 2, 4]) }];
  for (const other of others) assert.equal(asking.isAnswer({ ...said, ...other }, seal), false);
  for (const forged of ["", "x", seal.slice(1)]) assert.equal(asking.isAnswer(said, forged), false);
  assert.equal(new NodeSeal(new Uint8Array(32)).isAnswer(said, seal), false);
  assert.notEqual(asking.linkName(), asking.linkName());
});
