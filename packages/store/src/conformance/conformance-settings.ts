/** The part of the conformance suite about settings: named values of the whole cluster. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SettingChanged, type SettingWrite, type Store } from "../store.ts";
import { bytes, runWrite, text } from "./conformance-samples.ts";

function setting(name: string, content: string | null, expected?: string | null): SettingWrite {
  return {
    ...{ table: "setting", name, bytes: content === null ? null : bytes(content) },
    ...(expected !== undefined && { expected: expected === null ? null : bytes(expected) }),
  };
}

export function exerciseSettings(open: (t: TestContext) => Promise<Store>): void {
  test("a setting is replaced, and removed by null", async (t) => {
    const store = await open(t);
    for (const content of ["one", "two", null, null, "three"]) {
      await store.commit(null, [setting("s", content)]);
      assert.equal(text(await store.setting("s")), content);
    }
    assert.equal(await store.setting("S"), null);
  });

  test("a setting that is not as expected is left alone, with everything in its commit", async (t) => {
    const store = await open(t);
    const put = (content: string | null, expected: string | null) =>
      store.commit(null, [setting("with it", `${content}`), setting("s", content, expected)]);
    await assert.rejects(put("one", "zero"), SettingChanged);
    assert.deepEqual(await store.settings(""), []);
    await put("one", null);
    await assert.rejects(put("two", null), SettingChanged);
    await assert.rejects(put("two", "on"), SettingChanged);
    await assert.rejects(put(null, "two"), SettingChanged);
    await put("two", "one");
    assert.deepEqual([text(await store.setting("s")), text(await store.setting("with it"))], ["two", "two"]);
    await put(null, "two");
    assert.equal(await store.setting("s"), null);
  });

  test("of two commits that expect the same of a setting at once, one succeeds, and the lease's commits beside them do", async (t) => {
    const store = await open(t);
    const lease = await store.acquire(1, "owner");
    const outcomes = await Promise.allSettled([
      store.commit(null, [setting("s", "a", null)]),
      store.commit(lease, [runWrite("r")]),
      store.commit(null, [setting("s", "b", null)]),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "fulfilled", "rejected"],
    );
    assert.equal(text(await store.setting("s")), "a");
    assert.ok((await store.loadRuns(["r"]))[0]);
  });

  test("within one commit, a setting is expected as the write before it left it", async (t) => {
    const store = await open(t);
    await store.commit(null, [setting("s", "a", null), setting("s", "b", "a")]);
    assert.equal(text(await store.setting("s")), "b");
  });

  test("settings are listed by prefix and name", async (t) => {
    const store = await open(t);
    const names = ["a/1", "a/2", "a", "A/1", "b/1", "a%", "a_", "a*", "ä/1", "a/\u{1F600}", "a/\uFFFD"];
    await store.commit(
      null,
      names.map((name) => setting(name, `of ${name}`)),
    );
    const listed = async (prefix: string) => (await store.settings(prefix)).map(({ name }) => name);
    assert.deepEqual(await listed("a/"), ["a/1", "a/2", "a/\uFFFD", "a/\u{1F600}"]);
    assert.deepEqual(await listed("a%"), ["a%"]);
    assert.deepEqual(await listed("a_"), ["a_"]);
    assert.deepEqual(await listed("ä"), ["ä/1"]);
    assert.deepEqual(await listed("c"), []);
    assert.equal((await listed("")).length, names.length);
    assert.equal(text((await store.settings("b"))[0]?.bytes), "of b/1");
  });
}
