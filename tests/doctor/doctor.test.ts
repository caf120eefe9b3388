/** `pawl doctor` finds nothing in the state of real runs, offline and live, and finds each way in which a file can be broken. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { enums, history } from "@pawl/protocol";
import { type Finding, openState, StoreCheck, seenInvariants } from "@pawl/server/doctor";
import { hasTerminals, pawl, pawlInTerminal } from "../cli/command-line.ts";
import { answerTask, complete, jsonPayloads, namespace, schedule } from "../cli/worker.ts";
import { call } from "../rig/call.ts";
import { mustBeSound } from "../rig/doctor.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { repository } from "../rig/toolchain.ts";

let folder: string;
let file: string;
let server: RunningServer | undefined;
/** Run ids by workflow id. */
const runs = new Map<string, string>();

const run = (workflowId: string): string => {
  const runId = runs.get(workflowId);
  assert(runId, workflowId);
  return runId;
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "doctor-"));
  file = join(folder, "state.db");
  server = await startPawl({ dbFilename: file });
  await fill(server.address);
});
after(async () => {
  await server?.kill9();
  await rm(folder, { recursive: true, force: true });
});

async function start(address: string, workflowId: string, more: object = {}): Promise<void> {
  const asked = { namespace, workflowId, requestId: workflowId };
  const named = { workflowType: { name: "Order" }, taskQueue: { name: workflowId } };
  runs.set(workflowId, (await call(address, "StartWorkflowExecution", { ...asked, ...named, ...more })).runId);
}

/** Runs of each kind, in states that leave something in each table. */
async function fill(address: string): Promise<void> {
  for (const workflowId of ["done", "waits", "parent", "signalled"]) await start(address, workflowId);
  await answerTask(address, "done", [complete("ok")]);
  const { KEYWORD } = enums.IndexedValueType;
  await call(address, "AddSearchAttributes", { namespace, searchAttributes: { Region: KEYWORD } });
  const searchAttributes = { indexedFields: { Region: { ...jsonPayloads("asia").payloads?.[0] } } };
  await start(address, "again", { requestId: "request-a", searchAttributes });
  const workflowIdConflictPolicy = enums.WorkflowIdConflictPolicy.TERMINATE_EXISTING;
  await start(address, "again", { requestId: "request-b", workflowIdConflictPolicy });
  const { START_TIMER, START_CHILD_WORKFLOW_EXECUTION } = enums.CommandType;
  const startTimerCommandAttributes = { timerId: "t", startToFireTimeout: { seconds: 86_400 } };
  await answerTask(address, "waits", [
    schedule("charge", "nobody"),
    { commandType: START_TIMER, startTimerCommandAttributes },
  ]);
  const startChildWorkflowExecutionCommandAttributes = {
    ...{ workflowId: "child", workflowType: { name: "Child" }, taskQueue: { name: "child" } },
  };
  await answerTask(address, "parent", [
    { commandType: START_CHILD_WORKFLOW_EXECUTION, startChildWorkflowExecutionCommandAttributes },
  ]);
  await answerTask(address, "child", [complete("ok")]);
  await answerTask(address, "parent", [complete("ok")]);
  for (let n = 1; n <= 3; n++)
    await call(address, "SignalWorkflowExecution", {
      ...{ namespace, workflowExecution: { workflowId: "signalled" }, signalName: "s", requestId: `signal-${n}` },
      input: jsonPayloads(n),
    });
  await call(address, "StartActivityExecution", {
    ...{ namespace, activityId: "alone", activityType: { name: "A" }, taskQueue: { name: "nobody" } },
    startToCloseTimeout: { seconds: 60 },
  });
  await call(address, "CreateSchedule", {
    ...{ namespace, scheduleId: "daily", requestId: "daily" },
    schedule: {
      spec: { interval: [{ interval: { seconds: 86_400 } }] },
      action: {
        startWorkflow: { workflowId: "of-schedule", workflowType: { name: "T" }, taskQueue: { name: "nobody" } },
      },
    },
  });
  const child = await call(address, "DescribeWorkflowExecution", { namespace, execution: { workflowId: "child" } });
  runs.set("child", child.workflowExecutionInfo!.execution!.runId);
}

async function findingsOf(path: string): Promise<Finding[]> {
  const state = await openState(path);
  try {
    const found: Finding[] = [];
    const check = new StoreCheck(state, { nowMs: Date.now, progress: () => {} });
    for await (const finding of check.findings()) found.push(finding);
    return found;
  } finally {
    await state.close();
  }
}

interface Break {
  readonly what: string;
  readonly invariant: Finding["invariant"];
  /** The workflow that the finding is about. */
  readonly about?: string;
  change(db: DatabaseSync): void;
}

const breaks: readonly Break[] = [
  {
    ...{ what: "an index is lost", invariant: "I1" },
    change: (db) => db.exec("PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'run_waking'"),
  },
  {
    ...{ what: "a snapshot is cut short", invariant: "I2", about: "waits" },
    change: (db) => update(db, "run SET snapshot = substr(snapshot, 1, 20)", "waits"),
  },
  {
    ...{ what: "two runs have changed places", invariant: "I2", about: "waits" },
    change: (db) =>
      db
        .prepare("UPDATE run SET snapshot = (SELECT snapshot FROM run WHERE run_id = ?) WHERE run_id = ?")
        .run(run("done"), run("waits")),
  },
  {
    ...{ what: "the last batch of a history is lost", invariant: "I2", about: "signalled" },
    change: (db) => dropBatch(db, "signalled", "max"),
  },
  {
    ...{ what: "a batch within a history is lost", invariant: "I6", about: "waits" },
    change: (db) => dropBatch(db, "waits", "min"),
  },
  {
    ...{ what: "a batch has other ids than its events", invariant: "I6", about: "done" },
    change: (db) => update(db, "history SET last_event_id = last_event_id + 1", "done"),
  },
  {
    ...{ what: "the events of a batch are no events", invariant: "I2", about: "done" },
    change: (db) => update(db, "history SET events = x'010203'", "done"),
  },
  {
    ...{ what: "a closed run goes on", invariant: "I5", about: "done" },
    change: (db) => appendAgain(db, "done"),
  },
  {
    ...{ what: "a result is another", invariant: "I7", about: "done" },
    change: (db) => replaceBytes(db, "history", "events", { from: '"ok"', to: '"no"', runId: run("done") }),
  },
  {
    ...{ what: "one request has begun two runs", invariant: "I18", about: "again" },
    change: (db) => replaceBytes(db, "run", "snapshot", { from: "request-b", to: "request-a", runId: run("again") }),
  },
  {
    ...{ what: "the index lacks an attribute", invariant: "I26" },
    change: (db) => db.exec("DELETE FROM attribute WHERE name LIKE '%Region'"),
  },
  {
    ...{ what: "the index has an attribute that the run does not have", invariant: "I26" },
    change: (db) => db.exec("UPDATE attribute SET value = 'europe' WHERE name LIKE '%Region'"),
  },
  {
    ...{ what: "a run lies with those that have other attributes", invariant: "I26" },
    change: (db) =>
      db.exec(`UPDATE visibility SET shape_key = (SELECT shape_key FROM visibility_shape WHERE names LIKE '%Region%')
        WHERE search_attributes = '{}' AND list_key = (SELECT list_key FROM visibility_shape WHERE names LIKE '%Region%')`),
  },
  {
    ...{ what: "a pending activity is lost", invariant: "I10", about: "waits" },
    change: (db) => deleteFrom(db, "part", "waits", "AND part LIKE 'a/%'"),
  },
  {
    ...{ what: "a timer is lost", invariant: "I10", about: "waits" },
    change: (db) => deleteFrom(db, "part", "waits", "AND part LIKE 't/%'"),
  },
  {
    ...{ what: "an open run is not the current one", invariant: "I4" },
    change: (db) => db.prepare("DELETE FROM current WHERE business_id = ?").run("waits"),
  },
  {
    ...{ what: "a workflow means a run that is not there", invariant: "I2" },
    change: (db) => db.prepare("UPDATE current SET run_id = 'gone' WHERE business_id = ?").run("done"),
  },
  {
    ...{ what: "a run lies with another shard", invariant: "I23", about: "waits" },
    change: (db) => update(db, "run SET shard_id = (shard_id + 1) % (SELECT count(*) FROM shard)", "waits"),
  },
  {
    ...{ what: "a shard was never acquired", invariant: "I23" },
    change: (db) => db.exec("UPDATE shard SET range_id = 0"),
  },
  {
    ...{ what: "a run is in no list", invariant: "I26", about: "done" },
    change: (db) => deleteFrom(db, "visibility", "done"),
  },
  {
    ...{ what: "a list has another status", invariant: "I26", about: "done" },
    change: (db) => update(db, "visibility SET status = 1", "done"),
  },
  {
    ...{ what: "a list has a closed run as open", invariant: "I26", about: "done" },
    change: (db) => update(db, `visibility SET list_order = ${Number.MAX_SAFE_INTEGER}`, "done"),
  },
  {
    ...{ what: "a list has a run under another id", invariant: "I26", about: "done" },
    change: (db) => update(db, "visibility SET business_id = 'other'", "done"),
  },
  {
    ...{ what: "a namespace is lost", invariant: "I27", about: "done" },
    change: (db) => db.exec("DELETE FROM namespace WHERE name = 'default'"),
  },
  {
    ...{ what: "a run is deleted, and not what belongs to it", invariant: "I30" },
    change: (db) => deleteFrom(db, "run", "child"),
  },
  {
    ...{ what: "a closed run is never to be deleted", invariant: "I30", about: "done" },
    change: (db) => update(db, "run SET wake_at_ms = NULL", "done"),
  },
  {
    ...{ what: "nobody wakes a run for its timer", invariant: "L2", about: "waits" },
    change: (db) => update(db, "run SET wake_at_ms = NULL", "waits"),
  },
  {
    ...{ what: "nobody knows that a task waits", invariant: "L3", about: "signalled" },
    change: (db) => update(db, "run SET undispatched = 0", "signalled"),
  },
  {
    ...{ what: "nobody wakes a schedule", invariant: "L3" },
    change: (db) => db.exec("UPDATE run SET wake_at_ms = NULL WHERE business_id = 'daily'"),
  },
  {
    ...{ what: "nobody knows that a standalone activity waits", invariant: "L3" },
    change: (db) => db.exec("UPDATE run SET undispatched = 0 WHERE business_id = 'alone'"),
  },
];

function update(db: DatabaseSync, assignment: string, workflowId: string): void {
  db.prepare(`UPDATE ${assignment} WHERE run_id = ?`).run(run(workflowId));
}

function deleteFrom(db: DatabaseSync, table: string, workflowId: string, more = ""): void {
  const { changes } = db.prepare(`DELETE FROM ${table} WHERE run_id = ? ${more}`).run(run(workflowId));
  assert(Number(changes) > 0, `nothing in ${table}`);
}

/** Where a text stands in some bytes, another of the same length. */
function replaceBytes(
  db: DatabaseSync,
  table: "history" | "run",
  column: "events" | "snapshot",
  { from, to, runId }: { readonly from: string; readonly to: string; readonly runId: string },
): void {
  const rows = db.prepare(`SELECT rowid AS at, ${column} AS bytes FROM ${table} WHERE run_id = ?`).all(runId);
  const found = rows.find(({ bytes }) => Buffer.from(bytes as Uint8Array).includes(from));
  assert(found, `${from} is nowhere in ${table}`);
  const bytes = Buffer.from(found["bytes"] as Uint8Array);
  bytes.write(to, bytes.indexOf(from));
  db.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`).run(bytes, found["at"] as number);
}

function dropBatch(db: DatabaseSync, workflowId: string, which: "min" | "max"): void {
  db.prepare(
    `DELETE FROM history WHERE run_id = ?1 AND first_event_id = (SELECT ${which}(first_event_id) FROM history WHERE run_id = ?1)`,
  ).run(run(workflowId));
}

/** A copy of the last event, behind it. */
function appendAgain(db: DatabaseSync, workflowId: string): void {
  const runId = run(workflowId);
  const row = db.prepare("SELECT events FROM history WHERE run_id = ? ORDER BY first_event_id DESC").get(runId);
  const last = history.History.decode(row!["events"] as Uint8Array).events.at(-1)!;
  const eventId = last.eventId + 1;
  const events = history.History.encode({ events: [{ ...last, eventId }] });
  db.prepare("INSERT INTO history (run_id, first_event_id, last_event_id, events) VALUES (?, ?, ?, ?)").run(
    runId,
    eventId,
    eventId,
    events,
  );
}

test("the documentation tells of each guarantee what is looked for, and where the proof is of what is not", async () => {
  const page = await readFile(join(repository, "docs/reliability.md"), "utf8");
  const rows = [...page.matchAll(/^\| (I\d+) \|([^|]*)\|([^|]*)\|$/gm)];
  assert.deepEqual(
    rows.map(([, number]) => number),
    Array.from({ length: 30 }, (_, at) => `I${at + 1}`),
  );
  const looked = rows.flatMap(([, number, what]) => (what?.trim() ? [number!] : []));
  assert.deepEqual(looked.sort(), seenInvariants.filter((number) => number.startsWith("I")).sort());
  for (const [, number, what, otherwise] of rows) {
    assert.ok((what! + otherwise!).trim() !== "", number);
    for (const [, path] of otherwise!.matchAll(/\]\(\.\.\/([^)]+)\)/g))
      assert.ok(existsSync(join(repository, path!)), path);
  }
});

test("a running server is sound by what it tells and by its file", async () => {
  await mustBeSound(server!.address);
  await mustBeSound(file);
  const told = await pawl(server!.address, "doctor");
  assert.equal(told.code, 0, told.stderr);
  assert.match(told.stdout, /^Nothing is wrong with 7 runs with \d+ events$/m);
});

describe("a file that nobody uses", { skip: process.env["PAWL_TEST_DB_URL"] !== undefined }, () => {
  before(async () => {
    await server!.stop();
    server = undefined;
  });

  test("is sound as the server leaves it", async () => {
    assert.deepEqual(await findingsOf(file), []);
  });

  for (const { what, invariant, about, change } of breaks)
    test(`${what}: ${invariant}`, async () => {
      const broken = join(folder, "broken.db");
      await copyFile(file, broken);
      const db = new DatabaseSync(broken, { defensive: false } as object);
      change(db);
      db.close();
      const found = await findingsOf(broken);
      const fitting = found.filter((finding) => finding.invariant === invariant);
      assert.ok(fitting.length > 0, `found ${JSON.stringify(found.map((each) => `${each.invariant} ${each.what}`))}`);
      if (about !== undefined)
        assert.ok(
          fitting.some(({ id, runId }) => id === about && runId === run(about)),
          JSON.stringify(fitting),
        );
      assert.ok(found.every(({ next }) => next !== ""));
    });

  test("the command ends with 1 and says what to do, in a table, in JSON and in lines", async () => {
    const broken = join(folder, "broken.db");
    await copyFile(file, broken);
    const db = new DatabaseSync(broken);
    update(db, "visibility SET status = 1", "done");
    db.close();
    const table = await pawl("127.0.0.1:1", "doctor", broken);
    assert.equal(table.code, 1);
    assert.match(table.stdout, /^Invariant +Namespace +Id +RunId +What\nI26 +default +done +/);
    assert.match(table.stdout, /^I26: any change of the run/m);
    assert.match(table.stderr, /^pawl: 1 finding in \d+ runs? with \d+ events\n$/);
    const json = await pawl("127.0.0.1:1", "doctor", broken, "-o", "json");
    assert.deepEqual(
      (JSON.parse(json.stdout) as Finding[]).map(({ id, kind, runId }) => [kind, id, runId]),
      [["workflow", "done", run("done")]],
    );
    const narrowed = await pawl("127.0.0.1:1", "doctor", broken, "-o", "jsonl", "--fields", "Invariant,Id");
    assert.equal(narrowed.stdout, '{"Invariant":"I26","Id":"done"}\n');
    const sound = await pawl("127.0.0.1:1", "doctor", file, "-o", "json");
    assert.deepEqual([sound.code, sound.stdout], [0, "[]\n"]);
  });

  test("a bar shows how far it is, in a terminal", { skip: !hasTerminals }, async () => {
    const { stdout, code } = await pawlInTerminal("127.0.0.1:1", ["doctor", file]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /█+ 100% \d+\/\d+ runs/);
  });

  test("what is no state of this Pawl is refused in one sentence", async () => {
    const rows = [
      [join(folder, "none.db"), /there is no file/],
      [import.meta.filename, /cannot be read|is no file/],
      ["127.0.0.1:1", /no server answers/],
    ] as const;
    for (const [where, says] of rows) {
      const { code, stderr } = await pawl("127.0.0.1:1", "doctor", where);
      assert.equal(code, 1, where);
      assert.match(stderr, says);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
    }
  });
});
