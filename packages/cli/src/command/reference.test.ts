import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { program } from "../main.ts";
import { definitions, groups } from "./commands.ts";
import { completionScript } from "./completion.ts";
import { globalFlags } from "./global-flags.ts";
import { referencePage } from "./reference.ts";

const page = new URL("../../../../docs/cli.md", import.meta.url);

test("docs/cli.md says what the table of commands says (PAWL_DOCS=write writes it)", () => {
  const wanted = referencePage(program(), groups, definitions);
  if (process.env["PAWL_DOCS"] === "write") writeFileSync(page, wanted);
  assert.equal(readFileSync(page, "utf8"), wanted);
});

describe("the table of commands", () => {
  test("has each path once, below a group that says what it is for", () => {
    const paths = definitions.map(({ path }) => path);
    assert.equal(new Set(paths).size, paths.length);
    const known = new Set(["", ...groups.map(({ path }) => path), ...paths]);
    const parents = paths.map((path) => path.split(" ").slice(0, -1).join(" "));
    assert.deepEqual(
      parents.filter((parent) => !known.has(parent)),
      [],
    );
    const used = groups.filter(({ path }) => paths.some((each) => each.startsWith(`${path} `)));
    assert.equal(used.length, groups.length);
  });

  test("gives a flag of a command no name that all commands understand as something else", () => {
    const clashes = definitions.flatMap(({ path, flags }) =>
      Object.entries(flags).flatMap(([key, { aliases = [] }]) =>
        [key, ...aliases].filter((name) => Object.hasOwn(globalFlags, name)).map((name) => `${path} ${name}`),
      ),
    );
    assert.deepEqual(clashes, []);
  });

  test("has examples that the parser understands", async () => {
    for (const { path, examples = [], argument, flags } of definitions)
      for (const example of examples) {
        assert.ok(example.startsWith(`${path} `) || example === path, example);
        const known = new Set([
          ...[...Object.keys(flags), ...Object.keys(globalFlags)].map((key) =>
            key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
          ),
        ]);
        for (const [, name = ""] of example.matchAll(/ --([a-z-]+)/g))
          assert.ok(known.has(name), `${example}: ${name}`);
        const next = example.slice(path.length + 1);
        if (next !== "" && !next.startsWith("-")) assert.ok(argument, `${example}: nothing stands alone there`);
      }
  });
});

describe("completion", () => {
  function complete(words: readonly string[]): string[] {
    const script = `${completionScript(program(), "bash")}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _pawl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", script], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line !== "");
  }

  for (const [words, expected] of [
    [["pawl", "workf"], ["workflow"]],
    [
      ["pawl", "workflow", "sta"],
      ["start", "stack", "start-update-with-start"],
    ],
    [["pawl", "workflow", "start", "--workflow"], ["--workflow-id"]],
    [
      ["pawl", "workflow", "list", "--output", "j"],
      ["json", "jsonl"],
    ],
    [
      ["pawl", "task-queue", "config", ""],
      ["get", "set", "--help"],
    ],
  ] as const) {
    test(`of "${words.join(" ")}" in bash`, () => {
      assert.deepEqual(complete(words), expected);
    });
  }

  test("for zsh and fish is a script for each command", () => {
    assert.match(completionScript(program(), "zsh"), /^autoload -U \+X bashcompinit/);
    const fish = completionScript(program(), "fish");
    for (const { path } of definitions) assert.ok(fish.includes(`"${path}"`), path);
  });
});
