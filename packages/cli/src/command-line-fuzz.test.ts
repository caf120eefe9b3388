/** Command lines as nobody writes them: each is read, or refused with a sentence; never a bug. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommanderError } from "commander";
import fc from "fast-check";
import { definitions } from "./command/commands.ts";
import { longName } from "./command/flag.ts";
import { parseCommand } from "./command/parsed-command.ts";
import { Failure } from "./failure.ts";

const hostile = [
  ...[
    "",
    " ",
    "-",
    "--",
    "---",
    "--=",
    "-=",
    "--no-",
    "--yes=",
    "\0",
    "\n",
    "\u001b[2J",
    "\ud800",
    "🙂",
    "../../etc/passwd",
    "@",
    "@none",
  ],
  ...[
    "__proto__",
    "constructor",
    "--__proto__",
    "--constructor=1",
    "toString",
    "NaN",
    "-1",
    "1e400",
    "0x10",
    "99999999999999999999",
  ],
  ...[
    "{}",
    "[",
    '{"a":',
    "a=b",
    "=b",
    "a=",
    "a=b=c",
    "1h-1m",
    "-5m",
    "noon",
    "2030-13-40",
    "x".repeat(100_000),
    "'",
    '"',
    "`",
    "$(x)",
  ],
];

/** Paths of the table, flags of that command or of another, and anything for a value. */
const aLine = fc.constantFrom(...definitions).chain(({ path, flags }) => {
  const others = fc.constantFrom(...definitions).map((other) => Object.keys(other.flags));
  const aFlag = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...Object.keys(flags), "help").map(longName) },
    others.chain((keys) => fc.constantFrom(...keys, "address")).map(longName),
    fc.constantFrom("-w", "-n", "-y", "-o", "-x"),
  );
  const aValue = fc.oneof(
    fc.constantFrom(...hostile),
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.integer().map(String),
  );
  const words = fc.array(
    fc.oneof(
      aFlag,
      aValue,
      fc.tuple(aFlag, aValue).map(([flag, value]) => `${flag}=${value}`),
    ),
    {
      maxLength: 8,
    },
  );
  return words.map((more) => [...path.split(" "), ...more]);
});

/** `PAWL_FUZZ_RUNS=5000` looks further, each time elsewhere. */
const runs = process.env["PAWL_FUZZ_RUNS"];
const [numRuns, seed] = runs === undefined ? [100, 1] : [Number(runs), undefined];

test("every command line is read or refused with a sentence", async (t) => {
  for (const stream of [process.stdout, process.stderr]) t.mock.method(stream, "write", () => true);
  const property = fc.asyncProperty(aLine, async (words) => {
    try {
      await parseCommand(words);
    } catch (error) {
      assert.ok(
        error instanceof CommanderError || error instanceof Failure,
        `${JSON.stringify(words).slice(0, 500)}: ${error}`,
      );
      assert.ok(error.message.length > 0 && !/^(TypeError|RangeError)|\n\s+at /.test(error.message), error.message);
    }
  });
  await fc.assert(property, { numRuns, ...(seed !== undefined && { seed }) });
});
