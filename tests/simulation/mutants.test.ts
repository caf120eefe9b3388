/** Each server that breaks a promise is caught, by a check of that promise. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { mutants } from "./mutants.ts";
import { SimulationThreads } from "./threads.ts";

const seedsMax = 60;
const threads = new SimulationThreads();
after(() => threads.close());

describe("mutants", { concurrency: true }, () => {
  for (const mutant of mutants)
    test(`${mutant.name} is caught`, async (t) => {
      const outcomes = await threads.play({ first: 1, last: seedsMax, mutant: mutant.name });
      const { seed, violation } = outcomes.at(-1)!;
      assert.ok(violation !== undefined, `${seedsMax} seeds found nothing wrong with it`);
      t.diagnostic(`seed ${seed}: ${violation.split("\n")[0]}`);
      assert.match(violation, mutant.caughtBy);
    });
});

test("the table of mutants in docs/reliability.md is this one", () => {
  const document = readFileSync(new URL("../../docs/reliability.md", import.meta.url), "utf8");
  for (const { name } of mutants) assert.ok(document.includes(`| ${name} |`), `no row for "${name}"`);
});
