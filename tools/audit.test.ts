import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { verdictOf } from "./audit.ts";

const report = (severities: Readonly<Record<string, string>>) =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.fromEntries(
      Object.entries(severities).map(([name, severity]) => [
        name,
        { severity, via: [{ title: `${name} does harm` }, name] },
      ]),
    ),
  });

test("serious weaknesses fail the check and are named, lesser ones do not", () => {
  const { type, text } = verdictOf(report({ one: "moderate", two: "high", three: "critical" }));
  assert.equal(type, "bad");
  assert.match(text, /two \(high\): two does harm; two\n {2}three \(critical\)/);
  assert.ok(!text.includes("one"));
  assert.equal(verdictOf(report({ one: "low" })).type, "good");
  assert.equal(verdictOf(report({})).type, "good");
});

test("a registry that serves no advisories is said, and is no failure", () => {
  const refused = verdictOf(
    JSON.stringify({ message: "405 Method Not Allowed", statusCode: 405, error: { summary: "" } }),
  );
  assert.deepEqual([refused.type, /405 Method Not Allowed$/.test(refused.text)], ["unknown", true]);
  for (const output of ["", "no JSON", "null"]) assert.equal(verdictOf(output).type, "unknown");
});

test("the bill of materials names what the server depends on, with versions and hashes", () => {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const options = { cwd, encoding: "utf8", shell: process.platform === "win32", maxBuffer: 64 * 1024 * 1024 } as const;
  const { stdout, stderr } = spawnSync("npm", ["run", "--silent", "sbom"], options);
  const bill = JSON.parse(stdout || "null") as {
    bomFormat: string;
    components: { name: string; version: string; purl: string; hashes?: unknown[] }[];
  } | null;
  assert.equal(bill?.bomFormat, "CycloneDX", stderr);
  for (const name of ["jose", "pg", "protobufjs", "commander"]) {
    const found = bill.components.find((component) => component.name === name);
    assert.ok(found && /^\d+\.\d+\.\d+$/.test(found.version) && (found.hashes?.length ?? 0) > 0, name);
  }
  assert.ok(
    !bill.components.some(({ name }) => name === "typescript"),
    "what is for the development of the whole is not in it",
  );
});
