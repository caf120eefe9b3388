/** Histories as files: as `temporal workflow show --output json` prints them, or one to a line with what the file's name would say. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { history } from "@pawl/sdk/proto";
import { Failure } from "../failure.ts";

/** Longer names are refused by file systems. */
const nameBytesMax = 255;

/** A history with what it does not say of itself. */
export interface NamedHistory {
  /** `file:line` or the file, for messages. */
  readonly from: string;
  readonly workflowId: string | undefined;
  readonly runId: string | undefined;
  readonly json: unknown;
}

/** `order-1.0199….json`; where the workflow id is too long for a name, the run id alone. */
export function fileNameOf(workflowId: string, runId: string): string {
  const name = `${encodeURIComponent(workflowId.toWellFormed())}.${runId}.json`;
  return name.length <= nameBytesMax ? name : `${runId}.json`;
}

/** Of one file, of the lines of a `.jsonl`, or of every `.json` in a folder. Throws {@link Failure} for what cannot be read. */
export async function* readHistories(path: string): AsyncGenerator<NamedHistory> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new Failure("environment", `there is no file ${path}`);
  if (found.isDirectory()) {
    const names = (await readdir(path)).filter((name) => name.endsWith(".json")).sort();
    for (const name of names) yield* readHistories(join(path, name));
    return;
  }
  const text = await readFile(path, "utf8");
  if (!path.endsWith(".jsonl")) {
    yield { from: path, ...idsOfName(path), json: parsed(text, path) };
    return;
  }
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const from = `${path}:${at + 1}`;
    const json = parsed(line, from) as {
      readonly workflowId?: string;
      readonly runId?: string;
      readonly events?: unknown;
    };
    yield { from, workflowId: json?.workflowId, runId: json?.runId, json: { events: json?.events } };
  }
}

/** How many histories there are to read, as far as that is known without reading them. */
export async function countHistories(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return (await readdir(path)).filter((name) => name.endsWith(".json")).length;
  if (!path.endsWith(".jsonl") || !found) return 1;
  return (await readFile(path, "utf8")).split("\n").filter((line) => line.trim() !== "").length;
}

/** What the first event of a history says of its run; a run that came of a reset has the id of an earlier one there. */
export function idsOfStart(bytes: Uint8Array): { readonly workflowId: string; readonly runId: string } {
  const [first] = history.History.decode(bytes).events;
  const { workflowId = "", originalExecutionRunId: runId = "" } = first?.workflowExecutionStartedEventAttributes ?? {};
  return { workflowId, runId };
}

function idsOfName(path: string): Pick<NamedHistory, "workflowId" | "runId"> {
  const [, workflowId, runId] =
    /^(?:(.+)\.)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/.exec(basename(path)) ?? [];
  return { workflowId: workflowId === undefined ? undefined : decoded(workflowId), runId };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a name that somebody else has chosen
  }
}

function parsed(text: string, from: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure("environment", `${from} is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
}
