/** `pawl doctor`: whether what a server or its file holds is as it must be. */
import type { Finding, Looked } from "@pawl/server/doctor";
import { type Definition, define } from "../command/definition.ts";
import { integer, text } from "../command/flag.ts";
import { Failure, failedState } from "../failure.ts";
import type { Column } from "../output/output.ts";
import { Progress } from "../output/terminal.ts";
import type { Session } from "../session.ts";
import { onePage } from "./pages.ts";

const columns: readonly Column[] = [
  { heading: "Invariant", path: "invariant", style: () => "red" },
  { heading: "Namespace", path: "namespace" },
  { heading: "Id", path: "id" },
  { heading: "RunId", path: "runId" },
  { heading: "What", path: "what" },
];

const findingsMax = 1_000;

interface Check {
  findings(): AsyncGenerator<Finding>;
  readonly looked: Looked;
}

export const doctorCommands: readonly Definition[] = [
  define({
    path: "doctor",
    summary: "Look whether the state of a server is as it must be",
    details:
      "Of a SQLite file or a PostgreSQL database, everything is read, by itself or beside a running server; of a server, what it tells of its workflows. " +
      "Each finding names the guarantee that is broken (docs/guarantees.md) and what to do. Exit code 1 when there are any.",
    flags: {
      where: text("file|url", "a file, postgres://…, or host:port of a server; default: the server of --address"),
      limit: integer("count", `end after so many findings; default: ${findingsMax}`),
    },
    argument: "where",
    examples: ["doctor data/pawl.db", "doctor postgres://user:password@host/database -o json", "doctor 127.0.0.1:7233"],
    async run(session, { where, limit = findingsMax }) {
      const state = where === undefined || isAddress(where) ? undefined : where;
      const asked = state === undefined && where !== undefined ? session.at(where) : session;
      try {
        await (state === undefined ? checkServer(asked, limit) : checkState(session, state, limit));
      } finally {
        if (asked !== session) await asked.close();
      }
    },
  }),
];

/** `host:port`, as `--address` takes it. */
function isAddress(where: string): boolean {
  return /^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(where);
}

async function checkState(session: Session, where: string, limit: number): Promise<void> {
  const { openState, StoreCheck } = await import("@pawl/server/doctor");
  const state = await openState(where).catch(failedState);
  try {
    const watching = progress();
    await report(session, new StoreCheck(state, { nowMs: Date.now, ...watching }), watching, limit);
  } finally {
    await state.close();
  }
}

async function checkServer(session: Session, limit: number): Promise<void> {
  const { ServerCheck } = await import("@pawl/server/doctor");
  const watching = progress();
  const find = session.find.bind(session);
  const { namespace } = session.flags;
  await report(session, new ServerCheck({ find, nowMs: Date.now, namespace, ...watching }), watching, limit);
}

function progress() {
  const bar = new Progress();
  return {
    progress: (done: number, total: number) => bar.show(done, Math.max(done, total), "runs"),
    clear: () => bar.clear(),
  };
}

async function report(session: Session, check: Check, { clear }: { clear(): void }, limit: number): Promise<void> {
  const found: Finding[] = [];
  try {
    for await (const finding of check.findings()) {
      if (found.length >= limit) break;
      found.push(finding);
    }
  } finally {
    clear();
  }
  const { output } = session;
  const { runs, events } = check.looked;
  const looked = `${counted(runs, "run")} with ${counted(events, "event")}`;
  if (found.length === 0) output.say(`Nothing is wrong with ${looked}`);
  if (found.length > 0 || output.format !== "text")
    await output.list(columns, onePage(found.map((finding) => ({ ...finding }))));
  if (found.length === 0) return;
  output.say("");
  for (const [next, of] of Map.groupBy(found, (finding) => finding.next))
    output.say(`${[...new Set(of.map(({ invariant }) => invariant))].join(", ")}: ${next}`);
  const least = found.length >= limit ? "at least " : "";
  throw new Failure("environment", `${least}${counted(found.length, "finding")} in ${looked}`);
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
