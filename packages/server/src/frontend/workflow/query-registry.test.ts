import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Located } from "@pawl/engine";
import { QueryRegistry } from "./query-registry.ts";

const query = { queryType: "state", queryArgs: undefined, header: undefined };
const answer = { type: "answered", result: undefined } as const;
const noAnswers = new Map();
const never = new AbortController().signal;

function withQuery(firstStamp: number) {
  const registry = new QueryRegistry();
  const asked = registry.buffer("r", { id: "1", query, firstStamp })!;
  return { registry, asked };
}

describe("a buffered query", () => {
  test("rides on the first task that knows what it must know, also when that task is handed out again (B1)", () => {
    const { registry, asked } = withQuery(7);
    assert.deepEqual(registry.attachHere("r", 6), {});
    assert.equal(asked.state.type, "waiting");
    assert.deepEqual(Object.keys(registry.attachHere("r", 7)), ["1"]);
    assert.deepEqual(Object.keys(registry.attachHere("r", 7)), ["1"]);
    assert.deepEqual(registry.attachHere("other", 7), {});
    assert.deepEqual(asked.state, { type: "attached", stamp: 7 });
  });

  test("is answered by the task that carried it, even if it has been attached to the next one meanwhile", () => {
    const { registry, asked } = withQuery(7);
    registry.attachHere("r", 7);
    registry.attachHere("r", 8);
    registry.settle("r", 7, new Map([["1", answer]]));
    assert.deepEqual(asked.state, answer);
    assert.deepEqual(registry.attachHere("r", 9), {});
  });

  test("is not answered by a task that came before it", () => {
    const { registry, asked } = withQuery(7);
    registry.settle("r", 6, new Map([["1", answer]]));
    assert.equal(asked.state.type, "waiting");
  });

  test("waits again when its task is over without an answer, but not when another task is", () => {
    const { registry, asked } = withQuery(7);
    registry.attachHere("r", 8);
    registry.settle("r", 7, noAnswers);
    assert.equal(asked.state.type, "attached");
    registry.settle("r", 8, noAnswers);
    assert.equal(asked.state.type, "waiting");
  });

  test("tells of each change, and of the end of an answer under way", async () => {
    const { registry, asked } = withQuery(7);
    registry.attachHere("r", 7);
    const responded = registry.responding("r", 7);
    assert.equal(registry.isResponding("r", 7), true);
    assert.equal(registry.isResponding("r", 8), false);
    const settled = registry.changed(asked, never);
    registry.settle("r", 7, noAnswers);
    await settled;
    const over = registry.changed(asked, never);
    responded();
    await over;
    assert.equal(registry.isResponding("r", 7), false);
  });

  test("is forgotten when it is removed, and then another may wait", () => {
    const { registry, asked } = withQuery(7);
    assert.equal(registry.buffer("r", { id: "2", query, firstStamp: 0 }), undefined);
    assert.ok(registry.buffer("other", { id: "3", query, firstStamp: 0 }));
    registry.remove("r", asked);
    assert.ok(registry.buffer("r", { id: "4", query, firstStamp: 0 }));
    assert.equal(registry.size, 2);
  });

  test("ends its watch with its caller", async () => {
    const { registry, asked } = withQuery(7);
    const caller = new AbortController();
    const watched = registry.changed(asked, caller.signal);
    caller.abort();
    await watched;
    await registry.changed(asked, caller.signal);
  });
});

describe("a direct query", () => {
  test("is answered once, while its caller waits", () => {
    const registry = new QueryRegistry();
    const answers: unknown[] = [];
    const direct = { id: "1", namespaceId: "n", located: {} as Located, query };
    registry.ask(direct, (given) => answers.push(given));
    assert.equal(registry.askedHere("1")?.query.queryType, "state");
    assert.equal(registry.answer("1", answer), true);
    assert.equal(registry.answer("1", answer), false);
    assert.deepEqual(answers, [answer]);
    registry.ask(direct, () => {});
    registry.drop("1");
    assert.equal(registry.answer("1", answer), false);
    assert.equal(registry.size, 0);
  });
});
