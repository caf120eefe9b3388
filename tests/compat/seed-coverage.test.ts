/** `docs/seed-coverage.md` names a scenario for each code sample of the source documents; here is that it names what there is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../rig/toolchain.ts";
import { all } from "./languages.ts";
import { overHttp } from "./sentences.ts";

interface Row {
  readonly sample: string;
  readonly languages: readonly string[];
  readonly scenarios: readonly string[];
}

const document = readFileSync(join(repository, "docs/seed-coverage.md"), "utf8");
const sections = document.split(/^## /m).slice(1);

function rowsOf(section: string): Row[] {
  const lines = section.split("\n").filter((line) => /^\| (?!Sample)/.test(line));
  return lines.map((line) => {
    const [, sample = "", , languages = "", scenarios = ""] = line.split("|").map((cell) => cell.trim());
    const names = [...scenarios.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
    return { sample, languages: languages.split(", "), scenarios: names };
  });
}

test("every scenario that the document names is one of its languages' programs", () => {
  const known = new Map(
    all.map(({ name, sentences }) => [name, { ...sentences, ...overHttp } as Record<string, string>]),
  );
  for (const { sample, languages, scenarios } of sections.flatMap(rowsOf)) {
    assert.ok(languages.length > 0 && scenarios.length > 0, `${sample} has no counterpart`);
    for (const language of languages) {
      for (const scenario of scenarios) {
        assert.ok(known.get(language)?.[scenario] !== undefined, `${sample}: ${language} has no scenario ${scenario}`);
      }
    }
  }
});

test("each part has as many rows as it says that there are samples", () => {
  assert.equal(sections.length, 5);
  for (const section of sections) assert.equal(rowsOf(section).length, Number(/^(\d+) samples\.$/m.exec(section)?.[1]));
});

test("every scenario that is said to come from a document covers a sample of it", () => {
  const covered = new Set(sections.flatMap(rowsOf).flatMap(({ scenarios }) => scenarios));
  const said = all.flatMap(({ sentences }) => Object.keys(sentences).filter((name) => name.startsWith("seed-")));
  assert.deepEqual(
    said.filter((name) => !covered.has(name)),
    [],
  );
});
