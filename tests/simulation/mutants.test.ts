/** Each server that breaks a promise is caught, by a check of that promise. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { mutants } from "./mutants.ts";
import { simulate } from "./simulation.ts";

const seedsMax = 60;

for (const mutant of mutants)
  test(`${mutant.name} is caught`, async (t) => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { violation } = await simulate(seed, { mutant });
      if (violation === undefined) continue;
      t.diagnostic(`seed ${seed}: ${violation.split("\n")[0]}`);
      assert.match(violation, mutant.caughtBy);
      return;
    }
    assert.fail(`${seedsMax} seeds found nothing wrong with it`);
  });

test("the table of mutants in docs/reliability.md is this one", () => {
  const document = readFileSync(new URL("../../docs/reliability.md", import.meta.url), "utf8");
  for (const { name } of mutants) assert.ok(document.includes(`| ${name} |`), `no row for "${name}"`);
});
