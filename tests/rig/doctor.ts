/** `pawl doctor`, run over what a test leaves behind. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { repository } from "./toolchain.ts";

const program = join(repository, "packages/cli/bin/pawl.cjs");
const shownMax = 20;

/**
 * Throws with what it found wrong. `where`: a file, `postgres://…`, or `host:port` of a server. Where tests keep their state in PostgreSQL instead of
 * files, files are not looked at.
 */
export async function mustBeSound(where: string): Promise<void> {
  const isFile = where.includes("/") && !where.includes("://");
  if (isFile && process.env["PAWL_TEST_DB_URL"] !== undefined) return;
  const ran = promisify(execFile)(process.execPath, [program, "doctor", where, "--output", "jsonl"], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const { stdout, stderr } = await ran.catch((error: { stdout: string; stderr: string }) => error);
  const findings = stdout.split("\n").slice(0, shownMax).join("\n");
  assert.equal(findings + stderr, "", `pawl doctor ${where}:\n${findings}\n${stderr}`);
}
