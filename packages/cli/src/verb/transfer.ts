/** `pawl backup`, `pawl export` and `pawl import`: state and histories as files. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { history, type ResponseOf } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { required, text } from "../command/flag.ts";
import { Failure, failedState } from "../failure.ts";
import { Progress } from "../output/terminal.ts";
import type { Session } from "../session.ts";
import { countHistories, fileNameOf, idsOfStart, type NamedHistory, readHistories } from "./history-file.ts";
import { historyEvents } from "./history-pages.ts";

const historyType = "temporal.api.history.v1.History";

const backup = define({
  path: "backup",
  summary: "Copy the file that keeps a server's state, as it is at one moment, also while the server runs",
  details: "A PostgreSQL database is backed up by its own means.",
  flags: {
    to: required("file", "the copy; it must not be there yet"),
    dbFilename: text("file", "the file that keeps the state; default: data/pawl.db, as pawl dev has it", {
      short: "f",
    }),
  },
  argument: "to",
  examples: ["backup /backups/pawl-monday.db --db-filename /srv/pawl/pawl.db"],
  async run(session, { to, dbFilename: from = "data/pawl.db" }) {
    const { backUp } = await import("@pawl/server/transfer");
    const bar = new Progress();
    const progress = (done: number, total: number) => bar.show(done, total, "pages");
    await backUp({ from, to, progress })
      .catch(failedState)
      .finally(() => bar.clear());
    session.output.say(`${to} has the state of ${from}; pawl doctor ${to} looks it over`);
    session.output.json({ from, to });
  },
});

const exportHistories = define({
  path: "export",
  summary: "Write histories to files, as replayers and pawl import read them",
  details:
    "One JSON file for each run in a folder, or one line for each in a file that ends with .jsonl. Files that are there are not replaced.",
  flags: {
    to: required("folder|file.jsonl", "where to write; a folder is made"),
    workflowId: text("id", "of this workflow; this or --query", { short: "w" }),
    runId: text("id", "the run; default: the current one", { short: "r" }),
    query: text("filter", "of all workflows that this filter finds; '' finds all", { short: "q" }),
  },
  argument: "to",
  examples: ["export histories -q \"ExecutionStatus='Failed'\"", "export order-1.jsonl -w order-1"],
  async run(session, flags) {
    const { to, workflowId, runId, query } = flags;
    if ((workflowId === undefined) === (query === undefined))
      throw new Failure("usage", "say which: --workflow-id for one, or --query for all that a filter finds");
    const file = to.endsWith(".jsonl") ? new LineFile(to) : new Folder(to);
    await file.open();
    const bar = new Progress();
    let done = 0;
    try {
      if (workflowId !== undefined) {
        await file.add(session, await oneRun(session, workflowId, runId ?? ""));
        done = 1;
      } else {
        const { count } = await session.call("CountWorkflowExecutions", {
          namespace: session.namespace,
          query: query!,
        });
        for await (const run of runsOf(session, query!)) {
          await file.add(session, run);
          bar.show(++done, Math.max(count, done), "histories");
        }
      }
    } finally {
      bar.clear();
      await file.close();
    }
    session.output.say(`${done} ${done === 1 ? "history" : "histories"} in ${to}`);
    session.output.json({ count: done, to });
  },
});

const importHistories = define({
  path: "import",
  summary: "Take the histories of closed runs into the state of a server that is stopped",
  details:
    "They are listed, described and replayed there like any others, and kept for the namespace's retention from now on. A run that is there already is left as it is.",
  flags: {
    from: required("file|folder", "a .json, a .jsonl, or a folder of .json"),
    dbFilename: text("file", "the SQLite file that keeps the state; this or --db-url", { short: "f" }),
    dbUrl: text("url", "the PostgreSQL database that keeps it"),
    workflowId: text("id", "the workflow id, where neither the file's name nor the history says it", { short: "w" }),
    runId: text("id", "the run id, likewise", { short: "r" }),
  },
  argument: "from",
  examples: ["import histories --db-filename /srv/pawl/pawl.db", "import order-1.json -f pawl.db -n default"],
  async run(session, flags) {
    const { from, dbFilename, dbUrl } = flags;
    if ((dbFilename === undefined) === (dbUrl === undefined))
      throw new Failure("usage", "say where to: --db-filename or --db-url");
    const { HistoryImport } = await import("@pawl/server/transfer");
    const total = await countHistories(from);
    const target = await HistoryImport.open((dbFilename ?? dbUrl)!, Date.now).catch(failedState);
    const bar = new Progress();
    const counts = { imported: 0, known: 0 };
    try {
      for await (const named of readHistories(from)) {
        counts[await take(session, target, named, flags)] += 1;
        bar.show(counts.imported + counts.known, total, "histories");
      }
    } finally {
      bar.clear();
      await target.close();
    }
    session.output.say(`${counts.imported} imported, ${counts.known} there already`);
    session.output.json(counts);
  },
});

export const transferCommands: readonly Definition[] = [backup, exportHistories, importHistories];

interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/** Where histories are written. */
interface Destination {
  open(): Promise<void>;
  add(session: Session, run: Run): Promise<void>;
  close(): Promise<void>;
}

class Folder implements Destination {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async open(): Promise<void> {
    await mkdir(this.#path, { recursive: true }).catch((error: Error) => {
      throw new Failure("environment", `${this.#path} cannot be made: ${error.message}`);
    });
  }

  async add(session: Session, run: Run): Promise<void> {
    const file = join(this.#path, fileNameOf(run.workflowId, run.runId));
    const text = `${JSON.stringify(await historyJson(session, run), undefined, 2)}\n`;
    await writeFile(file, text, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
      throw new Failure("environment", notWritten(file, error));
    });
  }

  async close(): Promise<void> {}
}

class LineFile implements Destination {
  readonly #path: string;
  #stream: ReturnType<typeof createWriteStream> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async open(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const stream = createWriteStream(this.#path, { flags: "wx" });
    try {
      await once(stream, "open");
    } catch (error) {
      throw new Failure("environment", notWritten(this.#path, error as NodeJS.ErrnoException));
    }
    this.#stream = stream;
  }

  async add(session: Session, run: Run): Promise<void> {
    const { namespace } = session;
    const line = `${JSON.stringify({ namespace, ...run, ...(await historyJson(session, run)) })}\n`;
    if (!this.#stream!.write(line)) await once(this.#stream!, "drain");
  }

  async close(): Promise<void> {
    if (this.#stream === undefined) return;
    this.#stream.end();
    await once(this.#stream, "close");
  }
}

function notWritten(file: string, error: NodeJS.ErrnoException): string {
  return error.code === "EEXIST" ? `${file} is there already` : `${file} cannot be written: ${error.message}`;
}

async function oneRun(session: Session, workflowId: string, runId: string): Promise<Run> {
  const { namespace } = session;
  const described = await session.call("DescribeWorkflowExecution", { namespace, execution: { workflowId, runId } });
  return { workflowId, runId: described.workflowExecutionInfo?.execution?.runId ?? runId };
}

async function* runsOf(session: Session, query: string): AsyncGenerator<Run> {
  const { namespace } = session;
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page: ResponseOf<"ListWorkflowExecutions"> = await session.call("ListWorkflowExecutions", {
      ...{ namespace, query, nextPageToken, pageSize: 100 },
    });
    for (const { execution } of page.executions) if (execution) yield execution;
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
}

/** With payloads in full, as every replayer takes them. */
async function historyJson(session: Session, run: Run): Promise<{ readonly events: readonly unknown[] }> {
  const { messageToJson } = await import("@pawl/sdk/proto/json");
  const events: unknown[] = [];
  for await (const page of historyEvents(session, run)) {
    const bytes = history.History.encode({ events: page });
    events.push(...((messageToJson(historyType, bytes, { shorthand: false }) as { events?: unknown[] }).events ?? []));
  }
  return { events };
}

type Import = Awaited<ReturnType<typeof import("@pawl/server/transfer")["HistoryImport"]["open"]>>;

/** Throws {@link Failure} that names the file. */
async function take(
  session: Session,
  target: Import,
  { from, json, ...named }: NamedHistory,
  given: { readonly workflowId: string | undefined; readonly runId: string | undefined },
): Promise<"imported" | "known"> {
  const { JsonProblem, messageFromJson } = await import("@pawl/sdk/proto/json");
  const { ImportRefused } = await import("@pawl/server/transfer");
  try {
    const bytes = messageFromJson(historyType, json);
    const told = idsOfStart(bytes);
    const workflowId = given.workflowId ?? named.workflowId ?? told.workflowId;
    const runId = given.runId ?? named.runId ?? told.runId;
    return await target.add({ namespace: session.namespace, workflowId, runId, history: bytes });
  } catch (error) {
    if (!(error instanceof ImportRefused) && !(error instanceof JsonProblem)) throw error;
    throw new Failure("environment", `${from} cannot be imported: ${error.message}`);
  }
}
