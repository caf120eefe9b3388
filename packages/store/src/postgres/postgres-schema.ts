/**
 * The schema in PostgreSQL, as the steps that lead to it, and the taking of these steps. A step that has been released is never edited: the
 * next one is appended. `pawl_schema.version` is the number of steps taken.
 *
 *   - Texts are in collation "C", so that orders and ranges are those of every other store: by code point.
 *   - `visibility.list_order` is the close time, or the largest safe integer while the run is open, so that "open first, then by close
 *     time" is one descending walk of an index. Indexes leave out the run id, the last term of the order, which decides only among rows of one
 *     millisecond.
 *   - `attribute` is the index of search attributes (`postgres-entry.ts`), `visibility.shape` tells which of them a row has, and start times have an
 *     index for stretches long ago (`postgres-lists.ts`).
 *   - Only what PostgreSQL shares with databases that speak its protocol: no extensions, no functions of our own.
 */

import type { ClientBase } from "pg";
import { kindOfCode } from "../kind-code.ts";
import { otherVersion } from "../migrate.ts";
import { StoreUnusable } from "../store.ts";
import { typedAttributesJson } from "../visibility/typed-attributes.ts";
import { entriesOf, shapeOf } from "./postgres-entry.ts";
import { attributesOfText } from "./postgres-statement.ts";
import { storedText } from "./postgres-text.ts";

/** Statements, or what cannot be said in SQL. */
type SchemaStep = string | ((db: ClientBase) => Promise<unknown>);

export const postgresSchema: readonly SchemaStep[] = [
  `
  CREATE TABLE shard (
    shard_id integer PRIMARY KEY,
    range_id bigint NOT NULL,
    owner text NOT NULL
  );

  CREATE TABLE current (
    namespace_id text COLLATE "C" NOT NULL,
    business_id text COLLATE "C" NOT NULL,
    kind integer NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (namespace_id, business_id, kind)
  );

  CREATE TABLE run (
    run_id text COLLATE "C" PRIMARY KEY,
    shard_id integer NOT NULL,
    wake_at_ms bigint,
    undispatched boolean NOT NULL,
    kind integer NOT NULL,
    namespace_id text COLLATE "C" NOT NULL,
    business_id text COLLATE "C" NOT NULL,
    snapshot bytea NOT NULL
  );
  CREATE INDEX run_waking ON run (shard_id, wake_at_ms) WHERE wake_at_ms IS NOT NULL;
  CREATE INDEX run_undispatched ON run (shard_id, run_id) WHERE undispatched;

  CREATE TABLE part (
    run_id text COLLATE "C" NOT NULL,
    part text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (run_id, part)
  );

  CREATE TABLE history (
    run_id text COLLATE "C" NOT NULL,
    first_event_id bigint NOT NULL,
    last_event_id bigint NOT NULL,
    events bytea NOT NULL,
    PRIMARY KEY (run_id, first_event_id)
  );

  CREATE TABLE visibility (
    run_id text COLLATE "C" PRIMARY KEY,
    kind integer NOT NULL,
    namespace_id text COLLATE "C" NOT NULL,
    business_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    task_queue text COLLATE "C" NOT NULL,
    status integer NOT NULL,
    list_order bigint NOT NULL,
    start_time_ms bigint NOT NULL,
    execution_time_ms bigint NOT NULL,
    history_length bigint,
    history_size_bytes bigint,
    execution_duration_ms bigint,
    state_transition_count bigint,
    parent_workflow_id text COLLATE "C",
    parent_run_id text COLLATE "C",
    root_workflow_id text COLLATE "C" NOT NULL,
    root_run_id text COLLATE "C" NOT NULL,
    search_attributes jsonb NOT NULL,
    info bytea NOT NULL
  );
  CREATE INDEX visibility_in_order ON visibility (namespace_id, kind, list_order, start_time_ms, status);
  CREATE INDEX visibility_by_status ON visibility (namespace_id, kind, status, list_order, start_time_ms);
  CREATE INDEX visibility_by_type ON visibility (namespace_id, kind, type, list_order, start_time_ms, status);
  CREATE INDEX visibility_by_business_id ON visibility (namespace_id, kind, business_id, list_order, start_time_ms, status);
  CREATE INDEX visibility_by_attribute ON visibility USING gin (search_attributes jsonb_path_ops)
    WHERE search_attributes <> '{}'::jsonb;

  CREATE TABLE namespace (
    id text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT namespace_name UNIQUE (name)
  );

  CREATE TABLE setting (
    name text COLLATE "C" PRIMARY KEY,
    bytes bytea NOT NULL
  );
  `,
  `
  CREATE TABLE node (
    node_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    address text NOT NULL,
    state text NOT NULL,
    expires_at timestamptz NOT NULL
  );

  CREATE TABLE change (
    version bigint NOT NULL
  );
  INSERT INTO change VALUES (0);
  `,
  readTypes,
  `
  CREATE TABLE receipt (
    writer text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (writer, number)
  )
  `,
  // Of rows that lists leave out unless they are asked for (`postgres-query.ts`).
  `
  CREATE INDEX visibility_in_division ON visibility (namespace_id, kind)
    WHERE search_attributes ? 'TemporalNamespaceDivision'
  `,
  indexAttributes,
  // What is looked up by business id alone is few rows, also by a plan that knows nothing of the table (`postgres-statement.ts`).
  `
  ALTER TABLE current DROP CONSTRAINT current_pkey;
  ALTER TABLE current ADD PRIMARY KEY (business_id, namespace_id, kind)
  `,
];

/** Rows read at once. */
const pageMax = 1_000;

/** Until now texts were kept like any other value. What an attribute is stands in what a list shows of its run. */
async function readTypes(db: ClientBase): Promise<void> {
  for (let last = ""; ; ) {
    const { rows } = await db.query(
      `SELECT run_id, kind, search_attributes::text AS attributes, info FROM visibility
       WHERE run_id > $1 AND search_attributes <> '{}'::jsonb ORDER BY run_id LIMIT ${pageMax}`,
      [last],
    );
    for (const { run_id, kind, attributes, info } of rows) {
      const typed = typedAttributesJson(kind, attributes, info);
      if (typed !== attributes)
        await db.query("UPDATE visibility SET search_attributes = $2::jsonb WHERE run_id = $1", [run_id, typed]);
      last = run_id;
    }
    if (rows.length < pageMax) return;
  }
}

/** Until now a GIN index found single values of attributes, and nothing ranges of them, which of them a row lacks, and when runs started. */
async function indexAttributes(db: ClientBase): Promise<void> {
  await db.query(`
    DROP INDEX visibility_by_attribute;
    ALTER TABLE visibility ADD COLUMN shape text COLLATE "C" NOT NULL DEFAULT '';
    CREATE TABLE attribute (
      run_id text COLLATE "C" NOT NULL,
      entry text COLLATE "C" NOT NULL,
      list_order bigint NOT NULL,
      start_time_ms bigint NOT NULL,
      status integer NOT NULL,
      PRIMARY KEY (run_id, entry)
    )`);
  await fillAttributes(db);
  await db.query(`
    CREATE INDEX attribute_in_order ON attribute (entry, list_order, start_time_ms, status);
    CREATE INDEX visibility_by_shape ON visibility (namespace_id, kind, shape, list_order, start_time_ms, status);
    CREATE INDEX visibility_by_start ON visibility (namespace_id, kind, start_time_ms, list_order, status)
      WHERE NOT (search_attributes ? 'TemporalNamespaceDivision');
    CREATE INDEX visibility_by_parent ON visibility (namespace_id, kind, parent_workflow_id, list_order, start_time_ms, status)
      WHERE parent_workflow_id IS NOT NULL;
    ANALYZE attribute`);
}

async function fillAttributes(db: ClientBase): Promise<void> {
  for (let last = ""; ; ) {
    const { rows } = await db.query(
      `SELECT run_id, kind, namespace_id, search_attributes::text AS attributes FROM visibility
       WHERE run_id > $1 AND search_attributes <> '{}'::jsonb ORDER BY run_id LIMIT ${pageMax}`,
      [last],
    );
    const found = rows.map(({ run_id, kind, namespace_id, attributes }) => {
      const values = attributesOfText(attributes);
      const list = { kind: kindOfCode(kind), namespaceId: namespace_id };
      return { runId: storedText(run_id), shape: shapeOf(values), entries: entriesOf(list, values) };
    });
    await db.query(
      `UPDATE visibility SET shape = found.shape FROM unnest($1::text[], $2::text[]) AS found (run_id, shape)
       WHERE visibility.run_id = found.run_id`,
      [found.map(({ runId }) => runId), found.map(({ shape }) => shape)],
    );
    const entries = found.flatMap(({ runId, entries }) => entries.map((entry) => ({ runId, entry })));
    await db.query(
      `INSERT INTO attribute SELECT found.run_id, found.entry, list_order, start_time_ms, status
       FROM unnest($1::text[], $2::text[]) AS found (run_id, entry) JOIN visibility ON visibility.run_id = found.run_id`,
      [entries.map(({ runId }) => runId), entries.map(({ entry }) => entry)],
    );
    if (rows.length < pageMax) return;
    last = storedText(rows.at(-1)?.run_id);
  }
}

/**
 * Takes the steps that the database has not taken yet, one transaction a step. Whoever calls this holds the lock on the schema
 * (`postgres-connection.ts`), so that nobody else is at it. Throws `StoreUnusable` for a database of a newer Pawl, or tables of another program.
 */
export async function migrate(
  db: ClientBase,
  where: string,
  steps: readonly SchemaStep[] = postgresSchema,
): Promise<void> {
  const exists = await db.query("SELECT to_regclass('pawl_schema') IS NOT NULL AS is_there");
  if (exists.rows[0]?.is_there !== true) await begin(db, where);
  const version = Number((await db.query("SELECT version FROM pawl_schema")).rows[0]?.version);
  if (version > steps.length)
    throw new StoreUnusable(
      `${where} has schema version ${version}, and this Pawl knows versions up to ${steps.length}: ` +
        "it was written by a newer Pawl; run that one, or choose another database",
    );
  for (const [step, take] of steps.entries()) {
    if (step < version) continue;
    await db.query("BEGIN");
    await (typeof take === "string" ? db.query(take) : take(db));
    await db.query(`UPDATE pawl_schema SET version = ${step + 1}; COMMIT`);
  }
}

/** Throws `StoreUnusable` unless all of the steps, and no more, have been taken. Changes nothing. */
export async function requireVersion(db: ClientBase, where: string, steps: readonly SchemaStep[]): Promise<void> {
  const exists = await db.query("SELECT to_regclass('pawl_schema') IS NOT NULL AS is_there");
  if (exists.rows[0]?.is_there !== true) throw new StoreUnusable(`${where} holds no state of Pawl's`);
  const version = Number((await db.query("SELECT version FROM pawl_schema")).rows[0]?.version);
  if (version !== steps.length) throw new StoreUnusable(otherVersion(where, version, steps.length));
}

async function begin(db: ClientBase, where: string): Promise<void> {
  const found = await db.query(
    "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() LIMIT 1",
  );
  const [taken] = found.rows;
  if (taken !== undefined)
    throw new StoreUnusable(
      `${where} holds tables of another program (${taken.name}); choose another database, or a schema of its own with ?options=-csearch_path%3Dname`,
    );
  await db.query(
    "BEGIN; CREATE TABLE pawl_schema (version integer NOT NULL); INSERT INTO pawl_schema VALUES (0); COMMIT",
  );
}
