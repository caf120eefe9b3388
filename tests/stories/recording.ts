/** Recordings on disk: JSON lines, a history's events each on a line of its own, so that a changed recording reads well as a diff. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Recorded } from "./story.ts";

const folder = join(import.meta.dirname, "recorded");

/** What the reference server answered. Undefined when the story was not recorded yet. */
export async function readRecording(name: string): Promise<Recorded[] | undefined> {
  const lines = await readFile(fileOf(name), "utf8").catch(() => undefined);
  return lines
    ?.trimEnd()
    .split("\n")
    .reduce((text, line) => (line.startsWith("{") && text !== "" ? `${text}\n${line}` : text + line), "")
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);
}

export async function writeRecording(name: string, recording: readonly Recorded[]): Promise<void> {
  const lines = recording.map((line) => JSON.stringify(line).replaceAll('{"eventId"', '\n  {"eventId"'));
  await mkdir(dirname(fileOf(name)), { recursive: true });
  await writeFile(fileOf(name), `${lines.join("\n")}\n`);
}

function fileOf(name: string): string {
  return join(folder, `${name}.jsonl`);
}
