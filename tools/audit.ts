/**
 * Known weaknesses in what users of the packages get: `npm audit` over run-time dependencies. Serious ones fail the check. A registry that does not serve
 * advisories, or cannot be reached, is said and does not.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Verdict {
  readonly type: "good" | "bad" | "unknown";
  readonly text: string;
}

const serious = ["high", "critical"];
const answerMsMax = 60_000;

/** What `npm audit --json` has said comes to. */
export function verdictOf(output: string): Verdict {
  const report = parsed(output);
  const { vulnerabilities, message, error } = report;
  if (typeof vulnerabilities !== "object" || vulnerabilities === null) {
    const { summary } = (error ?? {}) as { summary?: unknown };
    const reason = [message, summary].find((each) => typeof each === "string" && each !== "") ?? "it did not answer";
    return { type: "unknown", text: `audit: not possible, the registry does not serve advisories: ${reason}` };
  }
  const found = Object.entries(vulnerabilities as Record<string, { severity?: string; via?: readonly unknown[] }>);
  const bad = found.filter(([, { severity = "" }]) => serious.includes(severity));
  if (bad.length === 0)
    return { type: "good", text: `audit: nothing serious is known of run-time dependencies (${found.length} lesser)` };
  const lines = bad.map(([name, { severity, via = [] }]) => `  ${name} (${severity}): ${titlesOf(via)}`);
  return { type: "bad", text: `audit: serious weaknesses in run-time dependencies:\n${lines.join("\n")}` };
}

function titlesOf(via: readonly unknown[]): string {
  const titles = via.map((each) => (typeof each === "string" ? each : (each as { title?: string }).title));
  return titles.filter((title) => title !== undefined).join("; ");
}

function parsed(output: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(output);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

if (import.meta.main) {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    ...{ encoding: "utf8", timeout: answerMsMax, shell: process.platform === "win32" },
  });
  const { type, text } = verdictOf(stdout ?? "");
  console.log(text);
  process.exitCode = type === "bad" ? 1 : 0;
}
