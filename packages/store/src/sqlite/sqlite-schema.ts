/**
 * The schema of a SQLite file, as the steps that lead to it. A step that has been released is never edited: the next one is appended.
 * `PRAGMA user_version` is the number of steps a file has taken.
 *
 * Keys and indexes:
 *   - A table whose rows hold long values keeps them in rowid order with a narrow index beside it: new history goes to the end of the
 *     file, wherever its run sorts, and a page takes rows of up to 4 kB before they spill.
 *   - `visibility.list_order` is the close time, or the largest safe integer while the run is open, so that "open first, then by close
 *     time" is one descending walk of an index. Indexes leave out the run id, the last term of the order: it decides only among rows of
 *     one millisecond, and would double each of them. `status` ends them so that counting by it reads no row.
 *   - `attribute` is the index of search attributes (`sqlite-attributes.ts`), and `visibility_shape` tells which of them rows have (`sqlite-shapes.ts`).
 *   - Lists, one for each kind of execution in a namespace, are numbered in `visibility_list`, because each index of `visibility` starts
 *     with one.
 *   - `list_journal` has rows of lists that are durable and not yet in `visibility`; whoever reads that must look there, too.
 */
import type { SchemaStep } from "../migrate.ts";
import { indexAttributes, indexShapesOfAttributes } from "./sqlite-attributes.ts";
import { indexShapes } from "./sqlite-shapes.ts";

export const sqliteSchema: readonly SchemaStep[] = [
  `
  CREATE TABLE shard (
    shard_id INTEGER PRIMARY KEY,
    range_id INTEGER NOT NULL,
    owner TEXT NOT NULL
  ) STRICT;

  CREATE TABLE current (
    namespace_id TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (namespace_id, workflow_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE run (
    run_id TEXT NOT NULL UNIQUE,
    shard_id INTEGER NOT NULL,
    wake_at_ms INTEGER,
    undispatched INTEGER NOT NULL,
    namespace_id TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    snapshot BLOB NOT NULL
  ) STRICT;
  CREATE INDEX run_waking ON run (shard_id, wake_at_ms) WHERE wake_at_ms IS NOT NULL;
  CREATE INDEX run_undispatched ON run (shard_id, run_id) WHERE undispatched = 1;

  CREATE TABLE part (
    run_id TEXT NOT NULL,
    part TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (run_id, part)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE history (
    run_id TEXT NOT NULL,
    first_event_id INTEGER NOT NULL,
    last_event_id INTEGER NOT NULL,
    events BLOB NOT NULL,
    UNIQUE (run_id, first_event_id)
  ) STRICT;

  CREATE TABLE visibility_namespace (
    namespace_key INTEGER PRIMARY KEY,
    namespace_id TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE visibility (
    run_id TEXT NOT NULL UNIQUE,
    namespace_key INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    status INTEGER NOT NULL,
    list_order INTEGER NOT NULL,
    start_time_ms INTEGER NOT NULL,
    execution_time_ms INTEGER NOT NULL,
    history_length INTEGER,
    history_size_bytes INTEGER,
    execution_duration_ms INTEGER,
    state_transition_count INTEGER,
    parent_workflow_id TEXT,
    parent_run_id TEXT,
    root_workflow_id TEXT NOT NULL,
    root_run_id TEXT NOT NULL,
    search_attributes TEXT NOT NULL,
    info BLOB NOT NULL
  ) STRICT;
  CREATE INDEX visibility_in_order ON visibility (namespace_key, list_order, start_time_ms, status);
  CREATE INDEX visibility_by_status ON visibility (namespace_key, status, list_order, start_time_ms);
  CREATE INDEX visibility_by_type ON visibility (namespace_key, workflow_type, list_order, start_time_ms, status);
  CREATE INDEX visibility_by_workflow ON visibility (namespace_key, workflow_id, list_order, start_time_ms, status);

  CREATE TABLE namespace (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    bytes BLOB NOT NULL
  ) STRICT;

  CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    bytes BLOB NOT NULL
  ) STRICT;

  CREATE TABLE settlement (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    count INTEGER NOT NULL
  ) STRICT;
  INSERT INTO settlement VALUES (1, 0);
  `,
  // Executions of several kinds; until now all were workflows.
  `
  CREATE TABLE current_of_kind (
    namespace_id TEXT NOT NULL,
    business_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (namespace_id, business_id, kind)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO current_of_kind SELECT namespace_id, workflow_id, 0, run_id FROM current;
  DROP TABLE current;
  ALTER TABLE current_of_kind RENAME TO current;

  ALTER TABLE run RENAME COLUMN workflow_id TO business_id;
  ALTER TABLE run ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;

  CREATE TABLE visibility_list (
    list_key INTEGER PRIMARY KEY,
    namespace_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    UNIQUE (namespace_id, kind)
  ) STRICT;
  INSERT INTO visibility_list SELECT namespace_key, namespace_id, 0 FROM visibility_namespace;
  DROP TABLE visibility_namespace;
  ALTER TABLE visibility RENAME COLUMN namespace_key TO list_key;
  ALTER TABLE visibility RENAME COLUMN workflow_id TO business_id;
  ALTER TABLE visibility RENAME COLUMN workflow_type TO type;
  `,
  indexAttributes,
  indexShapes,
  // The children of a run are asked for by name; runs without a parent are not in it.
  `
  CREATE INDEX visibility_by_parent ON visibility (list_key, parent_workflow_id, list_order, start_time_ms, status)
    WHERE parent_workflow_id IS NOT NULL;
  `,
  // All short columns are in the index that is walked for want of a better one: what they say is known without a look at the row.
  `
  ${indexShapesOfAttributes}
  DROP INDEX visibility_in_order;
  CREATE INDEX visibility_in_order ON visibility (list_key, list_order, start_time_ms, status, task_queue, execution_time_ms,
    history_length, history_size_bytes, execution_duration_ms, state_transition_count, parent_workflow_id);
  INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('visibility', 'visibility_in_order', '1000000 1000000 2 1 1 1 1 1 1 1 1 1');
  `,
  // Rows of lists on their way there (`list-journal.ts`): for each group of commits its writes, one after the other.
  `
  CREATE TABLE list_journal (
    seq INTEGER PRIMARY KEY,
    writes BLOB NOT NULL
  ) STRICT;
  `,
];
