import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, type LogFormat, type LogLevel, logLevels } from "./telemetry.ts";

function written(level: LogLevel, format: LogFormat = "text") {
  const lines: string[] = [];
  const log = createLog({ level, format, nowMs: () => Date.UTC(2026, 0, 2), write: (line) => lines.push(line) });
  return { log, lines };
}

test("a level writes itself and what is more serious", () => {
  for (const [index, level] of logLevels.entries()) {
    const { log, lines } = written(level);
    for (const at of ["debug", "info", "warn", "error"] as const) log[at](at);
    assert.equal(lines.length, 4 - index, level);
  }
});

test("an event is one line, whatever its fields hold", () => {
  const { log, lines } = written("info");
  log.info("server ready", {
    port: 7233,
    name: "a b",
    forged: "x\n2026 ERROR stolen \u001b[31m\u009b\u2028\u202e",
    none: undefined,
    nil: null,
  });
  assert.equal(
    lines.join(""),
    '2026-01-02T00:00:00.000Z INFO  "server ready" port=7233 name="a b" forged="x\\n2026 ERROR stolen \\u001b[31m\\u009b\\u2028\\u202e" nil=null\n',
  );
});

test("JSON lines hold the same", () => {
  const { log, lines } = written("info", "json");
  log.warn("disk", { free: 0, error: new Error("full", { cause: new RangeError("quota") }) });
  assert.deepEqual(JSON.parse(lines[0]!), {
    ...{ time: "2026-01-02T00:00:00.000Z", level: "warn", event: "disk", free: 0 },
    error: "Error: full (caused by RangeError: quota)",
  });
  log.warn("forged \u009b");
  assert.ok(lines[1]!.includes('"forged \\u009b"'));
});

test("a stack is written at level debug alone, and bytes and objects never", () => {
  for (const [level, isShown] of [
    ["debug", true],
    ["info", false],
  ] as const) {
    const { log, lines } = written(level);
    log.error("broken", { error: new Error("why"), payload: Buffer.from("secret"), nested: { key: "secret" } });
    assert.equal(lines[0]!.includes("telemetry.test.ts"), isShown);
    assert.ok(!lines[0]!.includes("secret"));
  }
});
