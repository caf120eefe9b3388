import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { workflow } from "@pawl/protocol";
import { exerciseStore } from "../conformance/conformance.ts";
import {
  bytes,
  historyWrite,
  partWrite,
  runWrite,
  text,
  visibilityWrite,
  wholeHistory,
} from "../conformance/conformance-samples.ts";
import { migrate } from "../migrate.ts";
import { type Store, StoreUnusable, type VisibilityFilter, type VisibilityPosition } from "../store.ts";
import { type Shape, shapeChoice, startRange } from "../visibility/visibility-choice.ts";
import { indexedConditions } from "../visibility/visibility-plan.ts";
import { openListOrder } from "../visibility/visibility-row.ts";
import { SqliteStore } from "./sqlite.ts";
import { backUpSqlite } from "./sqlite-backup.ts";
import { requireSqliteVersion } from "./sqlite-file.ts";
import { listSql, type Selection } from "./sqlite-query.ts";
import { sqliteSchema } from "./sqlite-schema.ts";
import { shapesMax } from "./sqlite-shapes.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-store-"));
after(() => rmSync(folder, { recursive: true }));

let fileCount = 0;
function newFile(): string {
  fileCount += 1;
  return join(folder, `${fileCount}.db`);
}

/** Runs `statements` on a file that no store has open. */
function alter(filename: string, statements: string): void {
  const db = new DatabaseSync(filename);
  db.exec(statements);
  db.close();
}

async function refusal(filename: string): Promise<string> {
  let store: SqliteStore;
  try {
    store = await SqliteStore.open({ filename });
  } catch (error) {
    assert.ok(error instanceof StoreUnusable);
    return error.message;
  }
  await store.close();
  return "it was not refused";
}

test("a file and what stands beside it are its owner's alone, unless somebody has said otherwise", async () => {
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
  const [filename, copy] = [newFile(), newFile()];
  const store = await SqliteStore.open({ filename });
  await writeSome(store);
  for (const end of ["", "-lock", "-wal", "-shm"]) assert.equal(modeOf(filename + end), "600", end);
  await backUpSqlite({ from: filename, to: copy, progress() {} });
  assert.equal(modeOf(copy), "600");
  await store.close();
  chmodSync(filename, 0o640);
  await (await SqliteStore.open({ filename })).close();
  assert.equal(modeOf(filename), "640");
});

async function writeSome(store: Store): Promise<void> {
  const lease = await store.acquire(1, "me");
  await store.commit(lease, [
    { table: "current", kind: "workflow", namespaceId: "ns", businessId: "w", runId: "r" },
    runWrite("r", { wakeAtMs: 7, undispatched: true }),
    partWrite("r", "p", "part"),
    historyWrite("r", 1, 3),
    visibilityWrite("r"),
  ]);
  await store.commit(null, [
    { table: "namespace", id: "1", name: "one", bytes: bytes("namespace") },
    { table: "setting", name: "s", bytes: bytes("setting") },
  ]);
}

async function readSome(store: Store): Promise<unknown[]> {
  return [
    await store.loadCurrent([{ kind: "workflow", namespaceId: "ns", businessId: "w" }]),
    await store.loadRuns(["r"]),
    await store.readHistory("r", wholeHistory),
    await store.wakingRuns(1, { beforeMs: 9, limit: 9 }),
    await store.undispatchedRuns(1, { limit: 9 }),
    await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 9 }),
    await store.namespaces(),
    text(await store.setting("s")),
  ];
}

exerciseStore("sqlite", () => SqliteStore.open({ filename: newFile() }));

describe("a SQLite file", () => {
  test("keeps everything when it is closed and opened again", async () => {
    const filename = newFile();
    const store = await SqliteStore.open({ filename });
    await writeSome(store);
    const before = await readSome(store);
    await store.close();
    const again = await SqliteStore.open({ filename });
    assert.deepEqual(await readSome(again), before);
    assert.deepEqual(await again.acquire(1, "me"), { shardId: 1, rangeId: 2 });
    await again.close();
  });

  test("is refused when it is open in this process, also by another path to it", async (t) => {
    const filename = newFile();
    const store = await SqliteStore.open({ filename });
    t.after(() => store.close());
    const link = `${filename}.link`;
    symlinkSync(filename, link);
    for (const path of [filename, link]) assert.match(await refusal(path), /in use by another process/);
    await writeSome(store);
  });

  test("is refused when a newer Pawl wrote it, and is left as it was", async () => {
    const filename = newFile();
    await (await SqliteStore.open({ filename })).close();
    alter(filename, "PRAGMA user_version = 99");
    const before = readFileSync(filename);
    assert.match(await refusal(filename), /schema version 99.*newer Pawl/);
    assert.ok(readFileSync(filename).equals(before));
  });

  test("is refused when another program wrote it", async () => {
    const filename = newFile();
    alter(filename, "CREATE TABLE theirs (a)");
    assert.match(await refusal(filename), /another program/);
    alter(filename, "INSERT INTO theirs VALUES (1)");
  });

  test("is refused when it is no database, or damaged", async () => {
    const good = newFile();
    const store = await SqliteStore.open({ filename: good });
    await writeSome(store);
    await store.close();
    // So that the last page, of rows on their way to the lists, holds something.
    alter(good, "INSERT INTO list_journal VALUES (1, zeroblob(100))");
    const size = readFileSync(good).length;
    const damages: [string, (path: string) => void][] = [
      ["garbage", (path) => writeFileSync(path, "not a database at all ".repeat(500))],
      ["short garbage", (path) => writeFileSync(path, "x")],
      ["a damaged header", (path) => writeFileSync(path, damaged(good, 0, 50))],
      ["a damaged table", (path) => writeFileSync(path, damaged(good, 4_096, size - 4_096))],
      ["half of the file", (path) => writeFileSync(path, readFileSync(good).subarray(0, size / 2))],
      ["a cut page", (path) => writeFileSync(path, readFileSync(good).subarray(0, size - 1_000))],
    ];
    for (const [what, damage] of damages) {
      const path = newFile();
      damage(path);
      const message = await refusal(path);
      assert.match(message, /damaged/, what);
      assert.ok(message.includes(path), what);
    }
  });

  test("is refused with a clear reason when it cannot be a file", async () => {
    assert.match(await refusal(join(folder, "missing", "x.db")), /folder .*missing does not exist/);
    mkdirSync(join(folder, "folder.db"));
    assert.match(await refusal(join(folder, "folder.db")), /folder\.db is not a file/);
    for (const filename of ["", ":memory:", "file:x.db"])
      assert.match(await refusal(filename), /not the path of a file/);
  });

  test("can be opened again after a refusal", async () => {
    const filename = newFile();
    writeFileSync(filename, "x".repeat(5_000));
    await refusal(filename);
    rmSync(filename);
    await (await SqliteStore.open({ filename })).close();
  });

  test("takes settings, but none that would break the store's promises", async () => {
    const open = (pragmas: Record<string, string | number>) => SqliteStore.open({ filename: newFile(), pragmas });
    await (await open({ synchronous: "NORMAL", cache_size: -2_000 })).close();
    const bad: Record<string, string>[] = [
      { journal_mode: "DELETE" },
      { locking_mode: "EXCLUSIVE" },
      { "cache_size; DROP TABLE run": "1" },
      { cache_size: "1; DROP TABLE run" },
    ];
    for (const pragmas of bad) await assert.rejects(open(pragmas), StoreUnusable, JSON.stringify(pragmas));
  });
});

/** A copy of the file with `length` bytes from `start` overwritten. */
function damaged(path: string, start: number, length: number): Buffer {
  const copy = readFileSync(path);
  copy.fill(0xa5, start, start + length);
  return copy;
}

describe("versions", () => {
  test("a SQLite that can corrupt a WAL is refused", () => {
    for (const version of ["3.51.3", "3.51.10", "3.52.0", "4.0.0"]) requireSqliteVersion(version);
    for (const version of ["3.51.2", "3.50.9", "2.99.99", "3", ""])
      assert.throws(() => requireSqliteVersion(version), StoreUnusable, version);
  });

  test("a file takes the steps it has not taken, each once", () => {
    const filename = newFile();
    const steps = ["CREATE TABLE a (x)", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)"];
    const db = new DatabaseSync(filename);
    for (const count of [1, 2, 2, 3]) migrate(db, filename, steps.slice(0, count));
    assert.deepEqual(
      db
        .prepare("SELECT x FROM a")
        .all()
        .map(({ x }) => x),
      [1, 2],
    );
    assert.throws(() => migrate(db, filename, steps.slice(0, 2)), StoreUnusable);
    db.close();
  });

  test("a step that fails leaves the file at the one before", async () => {
    const filename = newFile();
    const db = new DatabaseSync(filename);
    assert.throws(() =>
      migrate(db, filename, ["CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"]),
    );
    db.close();
    const again = new DatabaseSync(filename);
    assert.equal(again.prepare("PRAGMA user_version").get()?.["user_version"], 1);
    assert.throws(() => again.exec("SELECT * FROM b"), /no such table/);
    again.close();
  });
});

/** A file as the first version wrote it, when every execution was a workflow. */
function writeFirstVersion(filename: string): void {
  const db = new DatabaseSync(filename);
  migrate(db, filename, sqliteSchema.slice(0, 1));
  db.exec(`
    INSERT INTO shard VALUES (1, 4, 'old');
    INSERT INTO current VALUES ('ns', 'w', 'r');
    INSERT INTO run VALUES ('r', 1, 7, 1, 'ns', 'w', CAST('snapshot' AS BLOB));
    INSERT INTO part VALUES ('r', 'p', CAST('part' AS BLOB));
    INSERT INTO history VALUES ('r', 1, 3, CAST('1-3' AS BLOB));
    INSERT INTO visibility_namespace VALUES (1, 'other'), (2, 'ns');
    INSERT INTO visibility VALUES ('r', 2, 'w', 'Greeting', 'queue', 1, ${openListOrder}, 5, 5, NULL, NULL, NULL, NULL, NULL, NULL,
      'w', 'r', '{"K":"v"}', CAST('info' AS BLOB));
    INSERT INTO namespace VALUES ('1', 'one', CAST('namespace' AS BLOB));
    INSERT INTO setting VALUES ('s', CAST('setting' AS BLOB));
  `);
  db.close();
}

describe("a file of the first schema version", () => {
  test("opens, and what it holds are workflows", async (t) => {
    const filename = newFile();
    writeFirstVersion(filename);
    const store = await SqliteStore.open({ filename });
    t.after(() => store.close());
    const key = { kind: "workflow", namespaceId: "ns", businessId: "w" } as const;
    assert.deepEqual(await readSome(store), [
      ["r"],
      [{ ...key, snapshot: bytes("snapshot"), parts: new Map([["p", bytes("part")]]) }],
      [{ firstEventId: 1, lastEventId: 3, events: bytes("1-3") }],
      [{ ...key, runId: "r", wakeAtMs: 7 }],
      [{ ...key, runId: "r" }],
      [{ closeTimeMs: null, startTimeMs: 5, runId: "r", info: bytes("info") }],
      [{ id: "1", name: "one", bytes: bytes("namespace") }],
      "setting",
    ]);
    const filter = { op: "=", name: "K", value: "v" } as const;
    assert.deepEqual(await store.countVisibility({ ...key, filter }), [{ value: null, count: 1 }]);
    const having = { op: "isNotNull", name: "K" } as const;
    assert.deepEqual(await store.countVisibility({ ...key, filter: having }), [{ value: null, count: 1 }]);
    assert.deepEqual(await store.loadCurrent([{ ...key, kind: "activity" }]), [null]);
  });

  test("is written on where it ended", async (t) => {
    const filename = newFile();
    writeFirstVersion(filename);
    const store = await SqliteStore.open({ filename });
    t.after(() => store.close());
    const lease = await store.acquire(1, "new");
    assert.equal(lease.rangeId, 5);
    const activity = { kind: "activity", namespaceId: "ns", businessId: "w" } as const;
    await store.commit(lease, [
      { table: "current", ...activity, runId: "a" },
      runWrite("a", activity),
      visibilityWrite("a", activity),
      visibilityWrite("r", { businessId: "w", status: 2, closeTimeMs: 9 }),
      historyWrite("r", 4),
    ]);
    assert.deepEqual(await store.loadCurrent([{ ...activity, kind: "workflow" }, activity]), ["r", "a"]);
    const listed = async (kind: "workflow" | "activity") =>
      (await store.listVisibility({ kind, namespaceId: "ns", limit: 9 })).map(({ runId }) => runId);
    assert.deepEqual([await listed("workflow"), await listed("activity")], [["r"], ["a"]]);
    await store.commit(lease, [{ table: "deleteRun", runId: "r" }]);
    assert.deepEqual([await listed("workflow"), await listed("activity")], [[], ["a"]]);
  });
});

test("a file from before texts were kept as words: their types are read from what the lists show", async (t) => {
  const filename = newFile();
  const db = new DatabaseSync(filename);
  migrate(db, filename, sqliteSchema.slice(0, 2));
  const values = {
    Note: ["Text", "Hello World"],
    Tags: ["KeywordList", "one"],
    K: ["Keyword", "Hello World"],
  } as const;
  const payload = ([type, value]: readonly [string, string]) => ({
    metadata: { encoding: bytes("json/plain"), type: bytes(type) },
    data: bytes(JSON.stringify(value)),
    externalPayloads: [],
  });
  const indexedFields = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, payload(value)]));
  const info = workflow.WorkflowExecutionInfo.encode({
    ...workflow.WorkflowExecutionInfo.decode(new Uint8Array(0)),
    searchAttributes: { indexedFields },
  });
  const attributes = JSON.stringify(
    Object.fromEntries(Object.entries(values).map(([name, [, value]]) => [name, value])),
  );
  db.exec("INSERT INTO visibility_list VALUES (1, 'ns', 0)");
  db.prepare(
    "INSERT INTO visibility VALUES ('r', 1, 'w', 'T', 'q', 1, 7, 5, 5, NULL, NULL, NULL, NULL, NULL, NULL, 'w', 'r', ?, ?)",
  ).run(attributes, info);
  db.close();
  const store = await SqliteStore.open({ filename });
  t.after(() => store.close());
  const cases: [VisibilityFilter, number][] = [
    [{ op: "matches", name: "Note", text: "hello" }, 1],
    [{ op: "contains", name: "Tags", values: ["one"] }, 1],
    [{ op: "=", name: "K", value: "Hello World" }, 1],
    [{ op: "=", name: "Note", value: "Hello World" }, 0],
    [{ op: "matches", name: "K", text: "hello" }, 0],
    [{ op: "and", all: [{ op: "=", name: "K", value: "Hello World" }, { op: "isNotNull", name: "Tags" }] }, 1], // biome-ignore format: one case a line
    [{ op: "and", all: [{ op: "=", name: "K", value: "Hello World" }, { op: "isNull", name: "Tags" }] }, 0], // biome-ignore format: one case a line
  ];
  for (const [filter, count] of cases)
    assert.deepEqual(await store.countVisibility({ kind: "workflow", namespaceId: "ns", filter }), [
      { value: null, count },
    ]);
});

describe("lists of a SQLite file", () => {
  /** How SQLite would walk the tables. */
  function plan({ after, ...selection }: Partial<Selection> & { after?: VisibilityPosition }): string[] {
    const db = new DatabaseSync(":memory:");
    migrate(db, "", sqliteSchema);
    // A connection that is opened later reads for itself how values are spread.
    db.exec("ANALYZE sqlite_schema");
    const whole: Selection = {
      ...{ listKey: 1, filter: undefined, plan: { type: "rows" }, absent: new Set(), shapes: undefined },
      ...selection,
    };
    const { sql, values } = listSql(whole, { limit: 9, ...(after && { after }) });
    const steps = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
    db.close();
    return steps.map(({ detail }) => String(detail)).filter((detail) => /SEARCH|SCAN|ORDER BY/.test(detail));
  }

  test("the filters that people use walk an index in the order of the list", () => {
    // The run id decides among rows of one millisecond only.
    const order = "USE TEMP B-TREE FOR LAST TERM OF ORDER BY";
    const after = { closeTimeMs: null, startTimeMs: 5, runId: "r" };
    const cases: [Parameters<typeof plan>[0], string][] = [
      [{}, "visibility_in_order (list_key=?)"],
      [{ after }, "visibility_in_order (list_key=? AND (list_order,start_time_ms)<(?,?))"],
      [{ filter: { op: "=", name: "ExecutionStatus", value: 1 } }, "visibility_by_status (list_key=? AND status=?)"],
      [
        { after, filter: { op: "=", name: "WorkflowType", value: "t" } },
        "visibility_by_type (list_key=? AND type=? AND (list_order,start_time_ms)<(?,?))",
      ],
      [
        { filter: { op: "=", name: "WorkflowId", value: "w" } },
        "visibility_by_workflow (list_key=? AND business_id=?)",
      ],
      [
        { filter: { op: "=", name: "ParentWorkflowId", value: "w" } },
        "visibility_by_parent (list_key=? AND parent_workflow_id=?)",
      ],
      [{ filter: { op: ">", name: "CloseTime", value: 5 } }, "visibility_in_order (list_key=? AND list_order>?)"],
    ];
    for (const [query, index] of cases)
      assert.deepEqual(plan(query), [`SEARCH visibility USING INDEX ${index}`, order], JSON.stringify(query));
  });

  test("of several columns, that with the most values is asked", () => {
    const status = { op: "=", name: "ExecutionStatus", value: 1 } as const;
    const type = { op: "=", name: "WorkflowType", value: "t" } as const;
    const id = { op: "=", name: "WorkflowId", value: "w" } as const;
    const cases = [
      [[status, type], "visibility_by_type"],
      [[status, type, id], "visibility_by_workflow"],
      [[status, type, { op: "=", name: "ParentWorkflowId", value: "w" }], "visibility_by_parent"],
      [[id, { op: "=", name: "RunId", value: "r" }], "sqlite_autoindex_visibility_1"],
    ] as const;
    for (const [all, index] of cases)
      assert.match(plan({ filter: { op: "and", all } })[0] ?? "", new RegExp(`USING INDEX ${index} `));
  });

  test("the rows of one value of an attribute are walked in the order of the list", () => {
    const region = { op: "=", name: "Region", value: "asia" } as const;
    const [by] = indexedConditions(region);
    const steps = plan({ filter: region, plan: { type: "place", by: by! } });
    assert.deepEqual(steps, [
      "SEARCH attribute USING PRIMARY KEY (list_key=? AND name=? AND form=? AND value=?)",
      "SEARCH visibility USING INDEX sqlite_autoindex_visibility_1 (run_id=?)",
    ]);
  });

  test("few runs of a stretch of start times come from the index of start times, which nothing else takes", () => {
    const filter = { op: "between", name: "StartTime", low: 5, high: 9 } as const;
    const started = "visibility_by_start (list_key=? AND start_time_ms>? AND start_time_ms<?)";
    assert.equal(
      plan({ filter, plan: { type: "started", range: startRange(filter)! } })[0],
      `SEARCH visibility USING COVERING INDEX ${started}`,
    );
    assert.match(plan({ filter })[0] ?? "", /USING INDEX visibility_in_order/);
  });

  test("rows without an attribute are those of the shapes without it, in the order of the list", () => {
    const filter = { op: "isNull", name: "Region" } as const;
    const shapes = [
      { key: 1, names: new Set<string>() },
      { key: 2, names: new Set(["Region"]) },
      { key: 3, names: new Set(["Tags"]) },
    ];
    const walked = (chosen: readonly Shape<number>[]) =>
      plan({ filter, shapes, plan: { type: "shapes", choice: shapeChoice(filter, chosen)! } });
    const ordered = [
      "SEARCH visibility USING INDEX visibility_by_shape (shape_key=?)",
      "USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
    ];
    assert.deepEqual(walked(shapes.slice(0, 2)), ordered);
    const merged = walked(shapes);
    assert.deepEqual(
      ordered.map((step) => merged.filter((one) => one === step).length),
      [2, 2],
    );
  });

  test("of a long stretch of start times what comes first is found in their index alone", () => {
    const filter = { op: "<", name: "StartTime", value: 9 } as const;
    const steps = plan({ filter, plan: { type: "stretch", range: startRange(filter)! } });
    const covering = "SEARCH visibility USING COVERING INDEX visibility_by_start (list_key=? AND start_time_ms<?)";
    assert.equal(steps.filter((step) => step === covering).length, 1);
    assert.ok(steps.includes("SEARCH visibility USING INTEGER PRIMARY KEY (rowid=?)"), steps.join("\n"));
  });
});

test("a list with more sets of attributes than are told apart is answered all the same", async (t) => {
  const store = await SqliteStore.open({ filename: newFile() });
  t.after(() => store.close());
  const lease = await store.acquire(1, "me");
  const rows = Array.from({ length: shapesMax + 5 }, (_, i) =>
    visibilityWrite(`r${i}`, { searchAttributes: { [`A${i}`]: i } }),
  );
  for (let i = 0; i < rows.length; i += 100) await store.commit(lease, rows.slice(i, i + 100));
  const count = async (filter: VisibilityFilter) => {
    const [found] = await store.countVisibility({ kind: "workflow", namespaceId: "ns", filter });
    return found?.count;
  };
  assert.equal(await count({ op: "isNull", name: "A3" }), shapesMax + 4);
  assert.equal(await count({ op: "isNotNull", name: "A3" }), 1);
  assert.equal(await count({ op: "isNotNull", name: `A${shapesMax + 3}` }), 1);
  assert.equal(await count({ op: "isNull", name: `A${shapesMax + 3}` }), shapesMax + 4);
});
