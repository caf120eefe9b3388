import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { pawlCommand, shellWord } from "./command-line.ts";

test("a command line has the flags that say something, and each value is one word for a shell", () => {
  const flags = { namespace: "default", "run-id": "", input: ["1", '"it\'s"'], yes: true, wait: false, reason: "-x y" };
  assert.equal(
    pawlCommand(["workflow", "signal"], flags),
    `pawl workflow signal --namespace default --input 1 --input '"it'\\''s"' --yes --reason='-x y'`,
  );
});

test("whatever a word holds, a shell reads it as that word", () => {
  for (const word of ["plain", "two words", "$(id) `id` \\ \"q\" 'q' ; & | > #", "new\nline", "", "*?[a]", "~", "ä€"])
    assert.equal(execFileSync("sh", ["-c", `printf %s ${shellWord(word)}`], { encoding: "utf8" }), word);
});
