import assert from "node:assert/strict";
import { test } from "node:test";
import { PlayedFamily } from "./played-family.ts";

const seeds = 60;
const steps = 150;

// Each command is followed by the checks of its run (`ScriptedWorkflow`).
test("whatever is done to workflows that deal with each other, no check finds anything", () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const family = new PlayedFamily(seed);
    try {
      for (let step = 1; step <= steps; step++) family.step();
      assert.deepEqual([...family.violations()], []);
    } catch (error) {
      throw new Error(`seed ${seed}:\n${family.told.join("\n")}`, { cause: error });
    }
  }
});
