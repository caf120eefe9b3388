/** The checkout is tidy, and every rule that says so can fire: each row below is a made-up source that must, or must not, be found at fault. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Rule, type Source, sourcesOfCheckout } from "./repository.ts";
import { readText } from "./source-text.ts";
import { print, tidy } from "./tidy.ts";
import { libraryHomes, mayImport, nodeFree } from "./tidy-imports.ts";
import { anywhere, bans, fileLinesMax } from "./tidy-words.ts";

test("the repository is tidy", () => {
  const sources = sourcesOfCheckout();
  assert.ok(sources.some(({ path }) => path === "tools/tidy.test.ts"));
  const found = tidy(sources).map(print);
  assert.ok(found.length === 0, `\n${found.join("\n")}`);
});

/** Where each unit of the import table lives, and by which name another package reaches it. */
const places: Readonly<Record<string, { readonly file: string; readonly door?: string }>> = {
  protocol: { file: "packages/protocol/src/index.ts", door: "@pawl/protocol" },
  engine: { file: "packages/engine/src/index.ts", door: "@pawl/engine" },
  store: { file: "packages/store/src/index.ts", door: "@pawl/store" },
  "server/root": { file: "packages/server/src/limits.ts" },
  "server/matching": { file: "packages/server/src/matching/poller.ts" },
  "server/shard": { file: "packages/server/src/shard/shard.ts" },
  "server/frontend": { file: "packages/server/src/frontend/workflow/workflow.ts" },
  "server/nexus": { file: "packages/server/src/nexus/outside-calls.ts" },
  "server/access": { file: "packages/server/src/access/gate.ts" },
  "server/transfer": { file: "packages/server/src/transfer/index.ts", door: "@pawl/server/transfer" },
  "server/doctor": { file: "packages/server/src/doctor/index.ts", door: "@pawl/server/doctor" },
  "server/cluster": { file: "packages/server/src/cluster/node.ts" },
  "server/rpc": { file: "packages/server/src/rpc/call.ts" },
  "server/http": { file: "packages/server/src/http/exchange.ts" },
  "server/main": { file: "packages/server/src/index.ts", door: "@pawl/server" },
  "sdk/value": { file: "packages/sdk/src/value/index.ts", door: "@pawl/sdk/common" },
  "sdk/workflow": { file: "packages/sdk/src/workflow/index.ts", door: "@pawl/sdk/workflow" },
  "sdk/activity": { file: "packages/sdk/src/activity/index.ts", door: "@pawl/sdk/activity" },
  "sdk/nexus": { file: "packages/sdk/src/nexus/index.ts", door: "@pawl/sdk/nexus" },
  "sdk/client": { file: "packages/sdk/src/client/index.ts", door: "@pawl/sdk/client" },
  "sdk/transport": { file: "packages/sdk/src/transport/transport.ts" },
  "sdk/connection": { file: "packages/sdk/src/connection/connection.ts" },
  "sdk/codec": { file: "packages/sdk/src/codec/message-codec.ts" },
  "sdk/opentelemetry": { file: "packages/sdk/src/opentelemetry/index.ts", door: "@pawl/sdk/opentelemetry" },
  "sdk/envconfig": { file: "packages/sdk/src/envconfig/index.ts", door: "@pawl/sdk/envconfig" },
  "sdk/telemetry": { file: "packages/sdk/src/telemetry/runtime.ts" },
  "sdk/proto": { file: "packages/sdk/src/proto/index.ts", door: "@pawl/sdk/proto" },
  "sdk/replay": { file: "packages/sdk/src/replay/replay.ts" },
  "sdk/worker": { file: "packages/sdk/src/worker/index.ts", door: "@pawl/sdk/worker" },
  testing: { file: "packages/testing/src/index.ts", door: "@pawl/testing" },
  cli: { file: "packages/cli/src/index.ts", door: "pawl" },
  ui: { file: "packages/ui/src/index.ts", door: "@pawl/ui" },
  tests: { file: "tests/stories/greeting.ts" },
  examples: { file: "examples/greeting.ts" },
  tools: { file: "tools/count.ts" },
};

const packageNames = ["protocol", "engine", "store", "server", "sdk", "testing", "cli", "ui"];

/** A repository in which every package has its doors and may depend on every other one, so that only the rule under test can fire. */
const madeUp: readonly Source[] = packageNames.map((folder) => {
  const doors = Object.values(places).filter(
    ({ file, door }) => door !== undefined && file.startsWith(`packages/${folder}/`),
  );
  const name = doors[0]?.door?.split("/", doors[0].door.startsWith("@") ? 2 : 1).join("/") ?? folder;
  const exports = doors.map(({ file, door = "" }) => [
    `.${door.slice(name.length)}`,
    `./${file.split("/").slice(2).join("/")}`,
  ]);
  const dependencies = Object.fromEntries(
    ["@pawl/protocol", "@pawl/engine", "@pawl/store", "@pawl/server", "@pawl/sdk", "pawl"].map((d) => [d, "*"]),
  );
  const others = { "@pawl/testing": "*", "@pawl/ui": "*", pg: "8" };
  const text = JSON.stringify({
    name,
    exports: Object.fromEntries(exports),
    dependencies: { ...dependencies, ...others },
  });
  return { path: `packages/${folder}/package.json`, text };
});
const doorFiles: readonly Source[] = Object.values(places)
  .filter(({ door }) => door !== undefined)
  .map(({ file }) => ({ path: file, text: "" }));

function findingsIn(path: string, text: string) {
  return tidy([...madeUp, ...doorFiles.filter((door) => door.path !== path), { path, text }]);
}

function relativeFrom(from: string, to: string): string {
  const ups = from.split("/").slice(0, -1);
  const downs = to.split("/");
  while (ups.length > 0 && ups[0] === downs[0]) {
    ups.shift();
    downs.shift();
  }
  return `${ups.length > 0 ? "../".repeat(ups.length) : "./"}${downs.join("/")}`;
}

describe("import arrows", () => {
  const covers = (allowed: string, unit: string) => unit === allowed || unit.startsWith(`${allowed}/`);

  test("every unit of the table has a place in these tests", () => {
    assert.deepEqual(Object.keys(places).sort(), Object.keys(mayImport).sort());
  });

  test("arrows point down only: following them never leads back", () => {
    const below = (unit: string, seen: readonly string[]): void => {
      assert.ok(!seen.includes(unit), [...seen, unit].join(" → "));
      const targets = (mayImport[unit] ?? []).filter((entry) => !entry.startsWith("types:"));
      const reached = Object.keys(mayImport).filter(
        (other) => other !== unit && targets.some((entry) => covers(entry, other)),
      );
      for (const other of reached) below(other, [...seen, unit]);
    };
    // Tests and examples stand on everything and nothing stands on them, except that tests run the examples.
    for (const unit of Object.keys(mayImport)) below(unit, []);
  });

  for (const [from, { file }] of Object.entries(places))
    for (const [to, target] of Object.entries(places)) {
      const samePackage = file.split("/", 2).join("/") === target.file.split("/", 2).join("/");
      const specifier = file.startsWith("packages/") && samePackage ? relativeFrom(file, target.file) : target.door;
      if (from === to || specifier === undefined) continue;
      const allowed = covers(from, to) || (mayImport[from] ?? []).some((entry) => covers(entry, to));
      test(`${from} ${allowed ? "may" : "must not"} import ${to}`, () => {
        const found = findingsIn(file, `import { thing } from "${specifier}";\n`).filter(
          ({ rule }) => rule === "arrows",
        );
        assert.equal(found.length, allowed ? 0 : 1);
      });
    }
});

const shard = "packages/server/src/shard/shard.ts";
const host = (name: string) => `https://registry.${name}.org/left-pad`;
const mark = ["TO", "DO"].join("");

const atFault: readonly (readonly [rule: Rule, path: string, text: string])[] = [
  ["arrows", "packages/server/src/matching/poller.ts", 'export { x } from "../frontend/workflow/workflow.ts";'],
  ["arrows", "packages/engine/src/workflow/start.ts", 'const store = await import("@pawl/store");'],
  ["arrows", "packages/server/src/matching/poller.ts", 'new Worker(new URL("../shard/shard.ts", import.meta.url));'],
  ["arrows", "packages/sdk/src/worker/sandbox.ts", 'import { proxyActivities } from "../workflow/index.ts";'],
  ["doors", "packages/server/src/shard/shard.ts", 'import { x } from "../../../engine/src/workflow/start.ts";'],
  ["doors", "packages/server/src/shard/shard.ts", 'import { x } from "@pawl/engine/src/workflow/start.ts";'],
  ["doors", "tests/torture/kill.ts", 'const entry = new URL("../../packages/server/src/main.ts", import.meta.url);'],
  ["doors", "tests/torture/kill.ts", 'spawn(node, [join(root, "packages/server/src/main.ts")]);'],
  ["doors", "packages/engine/package.json", '{ "name": "@pawl/engine" }'],
  ["doors", "packages/engine/package.json", '{ "name": "@pawl/engine", "exports": { ".": "./src/gone.ts" } }'],
  ["suffix", "packages/engine/src/workflow/start.ts", 'import { x } from "./timer";'],
  ["suffix", "packages/engine/src/workflow/start.ts", 'import { x } from "./timer.js";'],
  ["declared", shard, 'import pad from "left-pad";'],
  ["declared", "packages/store/src/sqlite/sqlite.ts", 'const pad = require("left-pad");'],
  ["declared", "packages/engine/src/workflow/start.ts", 'import fc from "fast-check";'],
  ["declared", "tests/stories/greeting.ts", 'import pad from "left-pad";'],
  ["node-free", "packages/engine/src/workflow/start.ts", 'import { createHash } from "node:crypto";'],
  ["node-free", "packages/protocol/src/wire.ts", 'import { readFileSync } from "node:fs";'],
  ["node-free", "packages/sdk/src/value/errors.ts", 'import { inspect } from "node:util";'],
  ["node-free", "packages/sdk/src/workflow/wait/timer.ts", 'import { inspect } from "node:util";'],
  ["node-free", "packages/sdk/src/replay/replay.ts", 'import { inspect } from "node:util";'],
  ["driver", "packages/store/src/migrate.ts", 'import { DatabaseSync } from "node:sqlite";'],
  ["driver", "packages/store/src/sqlite/sqlite.ts", 'import pg from "pg";'],
  ["driver", shard, 'import { setTimeout } from "node:timers/promises";'],
  ["pure-engine", "packages/engine/src/workflow/start.ts", "const now = Date.now();"],
  ["pure-engine", "packages/engine/src/workflow/start.ts", "const now = new Date();"],
  ["pure-engine", "packages/engine/src/workflow/start.ts", "const now = performance.now();"],
  ["pure-engine", "packages/engine/src/workflow/start.ts", "const id = crypto.randomUUID();"],
  ["pure-engine", "packages/engine/src/workflow/start.ts", "setImmediate(run);"],
  ["pure-engine", "packages/engine/src/workflow/start.ts", "async function start() {}"],
  ["pure-engine", "packages/engine/src/workflow/start.ts", "const limit = process.env.LIMIT;"],
  ["pure-engine", "packages/engine/src/workflow/start.ts", "const text = `${await load()}`;"],
  ["pure-replay", "packages/sdk/src/replay/replay.ts", "await feed();"],
  ["clock", shard, "const now = Date.now();"],
  ["clock", shard, "const now = new Date();"],
  ["clock", "packages/server/src/main.ts", "setTimeout(run, 10);"],
  ["clock", "packages/server/src/rpc/call.ts", "setInterval(run, 10);"],
  ["random", "packages/store/src/sqlite/sqlite.ts", "const n = Math.random();"],
  ["named-exports", shard, "export default class Shard {}"],
  ["named-exports", shard, "export { Shard as default };"],
  ["whole-suite", "packages/store/src/sqlite/sqlite.test.ts", 'test.only("x", () => {});'],
  ["whole-suite", "packages/store/src/sqlite/sqlite.test.ts", 'test("x", { only: true }, () => {});'],
  ["whole-suite", "tests/compat/go.test.ts", 'test.todo("x");'],
  ["docstrings", "packages/sdk/src/client/index.ts", "export class Client {}"],
  ["documents", shard, `// as ${["design", "md"].join(".")} says`],
  ["documents", shard, `// as in ${["gone", "ts"].join(".")}`],
  ["documents", "GUIDE.md", "in `server/gone.ts`"],
  ["documents", "docs/guide.md", "see [there](gone.md)"],
  ["documents", "docs/guide.md", "# Guide\n\nsee [below](#belov)"],
  ["length", shard, "x;\n".repeat(fileLinesMax + 1)],
  ["names", "packages/server/src/shard/shardTimers.ts", ""],
  ["names", "packages/server/src/shard/timer-utils.ts", ""],
  ["names", "packages/server/src/common/timer.ts", ""],
  ["names", "packages/server/src/types.ts", ""],
  ["names", "packages/store/src/schema/Version1.sql", ""],
  ["names", "packages/server/src/shard/rows/deep/index.ts", ""],
  ["unfinished", "docs/guide.md", `${mark}: write this`],
  ["unfinished", shard, `// ${mark} handle this`],
  ["machine-path", "docs/guide.md", `open ${["", "home", "me", "app"].join("/")}`],
  ["machine-path", shard, `// see ${["", "work", "shared"].join("/")}`],
  ["registry-host", "docs/guide.md", host("npmjs")],
  ["registry-host", "package-lock.json", `"resolved": "${host("npmjs")}"`],
];

const inOrder: readonly (readonly [path: string, text: string])[] = [
  [
    "packages/engine/src/workflow/start.ts",
    "// Date.now() is not called here; await neither\nconst text = 'Math.random()';",
  ],
  ["packages/engine/src/workflow/start.ts", "const pattern = /Date.now()/; const half = count / 2; /* await */"],
  ["packages/engine/src/workflow/start.ts", "const text = `await ${name} Date.now()`;"],
  ["packages/engine/src/workflow/start.test.ts", 'import { test } from "node:test";\nawait run(Date.now());'],
  ["packages/engine/src/workflow/start.ts", "const awaited = unprocessed.length;"],
  ["packages/server/src/clock.ts", "setTimeout(run, Date.now() - startMs);"],
  [shard, "const closedAt = new Date(closedAtMs);"],
  ["packages/engine/src/workflow/cron.ts", "const from = new Date(afterMs);"],
  [shard, "const list = Array.from(rows);"],
  [
    "packages/store/src/sqlite/sqlite.ts",
    'import { DatabaseSync } from "node:sqlite";\nconst worker = new URL("./sqlite-writer.ts", import.meta.url);',
  ],
  ["packages/store/src/postgres/postgres.ts", 'import { Pool } from "pg";'],
  ["packages/store/src/migrate.ts", 'import type { DatabaseSync } from "node:sqlite";'],
  ["packages/protocol/src/task-token.ts", 'import { createHmac } from "node:crypto";'],
  ["packages/protocol/src/service.ts", 'import { methods } from "./gen/methods.js";'],
  ["packages/sdk/src/worker/sandbox.ts", 'import type { WorkflowInfo } from "../workflow/index.ts";'],
  ["packages/server/src/shard/shard.test.ts", 'import { startServer } from "../main.ts";'],
  ["tests/torture/kill.ts", 'const entry = new URL("../../packages/cli/src/main.ts", import.meta.url);'],
  [
    "docs/guide.md",
    "# The `guide`, part 1\n\n[here](#the-guide-part-1), [out](https://example.org/x), [self](guide.md)",
  ],
  [shard, "// every *.md and *.ts file"],
  [shard, "// as in server/index.ts and shard/shard.ts"],
  ["docs/guide.md", "in `yours.ts`"],
  ["tests/torture/kill.ts", 'const root = new URL("../../", import.meta.url);'],
  ["tests/compat/go/worker_test.go", "package compat"],
  ["packages/store/src/sqlite/sqlite.test.ts", 'test("only: one owner", { timeout: 1_000 }, () => {});'],
  ["packages/store/src/only-once.ts", "queue.only(first);"],
  ["packages/server/src/shard/shard.ts", "x;\n".repeat(fileLinesMax)],
];

function firstLine(text: string): string {
  return text.split("\n", 1).join().slice(0, 60);
}

describe("rules", () => {
  for (const [rule, path, text] of atFault)
    test(`${rule} fires on ${path}: ${firstLine(text)}`, () => {
      const rules = findingsIn(path, text).map((finding) => finding.rule);
      assert.ok(rules.includes(rule), `found ${JSON.stringify(rules)}`);
    });

  for (const [path, text] of inOrder)
    test(`nothing is wrong with ${path}: ${firstLine(text)}`, () => {
      assert.deepEqual(findingsIn(path, text).map(print), []);
    });

  test("every entry of every table is hit by a row, so that none is dead", () => {
    const messages = atFault.flatMap(([, path, text]) => findingsIn(path, text).map(({ message }) => message));
    const entries = [...bans, ...anywhere, ...libraryHomes, ...Object.values(nodeFree)];
    const dead = entries.filter(({ instead }) => !messages.some((message) => message.includes(instead)));
    assert.deepEqual(dead, []);
  });

  test("a finding names file, line, rule and what to write instead", () => {
    const [finding] = findingsIn(shard, "\n\nconst now = Date.now();\n");
    assert.equal(
      finding && print(finding),
      "packages/server/src/shard/shard.ts:3 [clock] `Date.now` is not written here; take a Clock and call clock.nowMs()",
    );
  });
});

describe("declared dependencies", () => {
  const at = (path: string, name: string) => {
    const root = { path: "package.json", text: '{ "devDependencies": { "fast-check": "4" } }' };
    const nested = {
      path: "tests/compat/typescript/package.json",
      text: '{ "dependencies": { "@temporalio/worker": "1" } }',
    };
    const file = { path, text: `import * as x from "${name}";` };
    return tidy([...madeUp, ...doorFiles, root, nested, file]).map(({ message }) => message);
  };

  test("the root's count for tests, inside packages too", () => {
    assert.deepEqual(at("packages/store/src/sqlite/sqlite.test.ts", "fast-check"), []);
    assert.deepEqual(at("tests/stories/retry.test.ts", "fast-check"), []);
  });
  test("a package.json below tests/ counts for what is below it", () => {
    assert.deepEqual(at("tests/compat/typescript/main.ts", "@temporalio/worker"), []);
    assert.equal(at("tests/compat/java.ts", "@temporalio/worker").length, 1);
  });
  test("the message names the package.json to add to", () => {
    const [message] = at("tests/compat/typescript/main.ts", "left-pad");
    assert.match(message ?? "", /dependencies of tests\/compat\/typescript\/package\.json$/);
  });
});

describe("test support", () => {
  const support = {
    path: "packages/engine/src/workflow/scripted-workflow.ts",
    text: 'import assert from "node:assert/strict";',
  };
  const importing = (path: string) => ({ path, text: 'import "./scripted-workflow.ts";' });
  const rulesWith = (...importers: readonly Source[]) =>
    tidy([
      ...madeUp,
      ...doorFiles.filter(({ path }) => !importers.some((file) => file.path === path)),
      support,
      ...importers,
    ]).map(({ rule }) => rule);

  test("a file that only tests import is bound by no more than a test", () => {
    assert.deepEqual(rulesWith(importing("packages/engine/src/workflow/start.test.ts")), []);
  });
  test("a file that a source imports too is bound as a source", () => {
    const importers = [
      importing("packages/engine/src/workflow/start.test.ts"),
      importing("packages/engine/src/workflow/start.ts"),
    ];
    assert.deepEqual(rulesWith(...importers), ["node-free"]);
  });
  test("a file that nobody imports is bound as a source", () => {
    assert.deepEqual(rulesWith(), ["node-free"]);
  });
});

describe("docstrings", () => {
  const door = "packages/testing/src/index.ts";
  const thing = "packages/testing/src/thing.ts";
  const missing = (...sources: readonly (readonly [path: string, text: string])[]) => {
    const given = sources.map(([path, text]) => ({ path, text }));
    const found = tidy([...madeUp, ...doorFiles.filter(({ path }) => path !== door), ...given]);
    return found.map(({ rule, path, line }) => `${rule} ${path}:${line}`);
  };
  const bare = "export interface Thing {}\n";

  for (const [how, exported] of [
    ["by its name", 'export { type Thing } from "./thing.ts";'],
    ["by another name", 'export type { Thing as It } from "./thing.ts";'],
    ["with all others", 'export * from "./thing.ts";'],
    ["after it was imported", 'import type { Thing as It } from "./thing.ts";\nexport type { It };'],
  ] as const)
    test(`what a door exports ${how} has one where it is declared`, () => {
      assert.deepEqual(missing([door, exported], [thing, bare]), [`docstrings ${thing}:1`]);
      assert.deepEqual(missing([door, exported], [thing, `/** It is. */\n${bare}`]), []);
    });

  for (const [text, faults] of [
    ["export const thing = 1;", 1],
    ["const thing = 1;\nexport { thing };", 1],
    ["/** What this file is for. */\n\nexport const thing = 1;", 1],
    ["/** It is. */\nconst other = 1;\nexport const thing = other;", 1],
    ["/* It is. */\nexport const thing = 1;", 1],
    ["/** It is. */\n// biome-ignore lint: any will do.\n// And why.\nexport const thing = 1;", 0],
    ["/** It is. */\nexport const thing = 1;\nexport type thing = typeof thing;", 0],
    ["export function thing(a: 1): 1;\n/** It is. */\nexport function thing(a: unknown) {}", 1],
    ["const hidden = 1;", 0],
  ] as const)
    test(`${faults} missing: ${JSON.stringify(text)}`, () => {
      assert.equal(missing([door, text]).length, faults);
    });

  test("what users do not import needs none", () => {
    assert.deepEqual(missing([door, ""], [thing, bare], ["packages/engine/src/step.ts", bare]), []);
  });
});

describe("circles", () => {
  const rulesOf = (a: Source, b: Source) => tidy([...madeUp, ...doorFiles, a, b]).map(({ rule }) => rule);
  const file = (path: string, text: string) => ({ path, text });
  const start = (text: string) => file("packages/engine/src/workflow/start.ts", text);
  const step = (text: string) => file("packages/engine/src/step.ts", text);

  test("no two files import each other, not even types", () => {
    const values = [
      start('import { Step } from "../step.ts";'),
      step('import { start } from "./workflow/start.ts";'),
    ] as const;
    const types = [
      start('import { Step } from "../step.ts";'),
      step('import type { Start } from "./workflow/start.ts";'),
    ] as const;
    assert.deepEqual(rulesOf(...values), ["circles"]);
    assert.deepEqual(rulesOf(...types), ["circles"]);
    assert.deepEqual(rulesOf(values[0], step("")), []);
  });
  test("types may where a knot is explained, values may not", () => {
    const client = file("packages/sdk/src/client/workflow-client.ts", 'import { handle } from "./workflow-handle.ts";');
    const handle = (text: string) => file("packages/sdk/src/client/workflow-handle.ts", text);
    assert.deepEqual(rulesOf(client, handle('import type { Client } from "./workflow-client.ts";')), []);
    assert.deepEqual(rulesOf(client, handle('import { Client } from "./workflow-client.ts";')), ["circles"]);
  });
});

describe("source text", () => {
  //  source                          what the rules see
  for (const [source, seen] of [
    ["a // b\nc", "a     \nc"],
    ["a /* b */ c", "a         c"],
    ["f('a\\'b', c)", "f('    ', c)"],
    ["`a${b}c`", "` ${b} `"],
    ["`${`x${y}`}` + z", "`${` ${y}`}` + z"],
    ["`${{ a: 1 }}b` c", "`${{ a: 1 }} ` c"],
    ["x = /a'b[/]/.test(y)", "x =         .test(y)"],
    ["x = a / b / c", "x = a / b / c"],
  ] as const)
    test(`${JSON.stringify(source)} is read as ${JSON.stringify(seen)}`, () => {
      assert.equal(readText(source).code, seen);
    });

  test("comments are read apart from what looks like them", () => {
    const { comments } = readText("a('// no'); // yes\n/* yes */ b(`/* no */`) / c;");
    assert.equal(comments.replaceAll(/ +/g, " "), " // yes\n/* yes */ ");
  });
});
