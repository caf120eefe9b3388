/**
 * The index of search attributes in a SQLite file, as the step of the schema that makes it. A row of `attribute` is a value of a run's attribute, an
 * element of a list or a word of a text, with the run's position in its list: those of one value are in the order of the list, and what a count by
 * status needs is there. Triggers keep it, so that whoever writes `visibility` writes it too, in the same transaction, and a run without attributes
 * costs nothing.
 */

import type { DatabaseSync } from "node:sqlite";
import { typedAttributesJson } from "../visibility/typed-attributes.ts";

/** Where the elements of a list, the words of a text, or a value itself are. */
const place = `'$."' || given.key || '"' || CASE given.type WHEN 'object' THEN '.words' ELSE '' END`;

/** What rows of `attribute` tell of their run: at first its status alone. */
type Told = readonly ("status" | "shape_key")[];
const told: Told = ["status", "shape_key"];

const columns = (row: string, names: Told) => names.map((name) => `${row}.${name}`).join(", ");

/** Rows of `attribute` for one row of `visibility`; `row` is its name in the statement. BuildIds is in every row, and hardly ever asked for. */
function entriesOf(row: string, names: Told): string {
  return `
    SELECT DISTINCT ${row}.list_key, given.key, CASE given.type WHEN 'array' THEN 1 WHEN 'object' THEN 2 ELSE 0 END, item.value,
      ${row}.list_order, ${row}.start_time_ms, ${row}.run_id, ${columns(row, names)}
    FROM json_each(${row}.search_attributes) AS given, json_each(${row}.search_attributes, ${place}) AS item
    WHERE given.key <> 'BuildIds'`;
}

/** So that the index tells of every attribute whether any run has it: lists and texts may have nothing in them. */
function emptyOf(row: string, names: Told): string {
  return `
    SELECT ${row}.list_key, given.key, 3, '', ${row}.list_order, ${row}.start_time_ms, ${row}.run_id, ${columns(row, names)}
    FROM json_each(${row}.search_attributes) AS given
    WHERE given.key <> 'BuildIds' AND given.type IN ('array', 'object')
      AND json_array_length(${row}.search_attributes, ${place}) = 0`;
}

/** A run that is deleted or changed takes its rows with it. */
const dropOld = `
  DELETE FROM attribute WHERE (list_key, name, form, value, list_order, start_time_ms, run_id) IN (
    SELECT list_key, name, form, value, list_order, start_time_ms, run_id FROM (
      SELECT 0 AS list_key, '' AS name, 0 AS form, 0 AS value, 0 AS list_order, 0 AS start_time_ms, '' AS run_id, 0 AS status
      WHERE FALSE UNION ALL ${entriesOf("old", ["status"])} UNION ALL ${emptyOf("old", ["status"])}));`;

const putNew = (names: Told) =>
  ["INSERT INTO attribute", entriesOf("new", names), "; INSERT INTO attribute", emptyOf("new", names), ";"].join("");

const inAll = (entries: string) => entries.replace("FROM", "FROM visibility,");
const allEntries = `
  SELECT 0 AS list_key, '' AS name, 0 AS form, 0 AS value, 0 AS list_order, 0 AS start_time_ms, '' AS run_id,
    0 AS status, 0 AS shape_key
  WHERE FALSE UNION ALL ${inAll(entriesOf("visibility", told))} UNION ALL ${inAll(emptyOf("visibility", told))}`;

/** Selects the runs of which the index lacks a row. */
export const missingEntries = `
  SELECT DISTINCT entry.run_id FROM (${allEntries}) AS entry
  WHERE NOT EXISTS (
    SELECT 1 FROM attribute WHERE attribute.list_key = entry.list_key AND attribute.name = entry.name
      AND attribute.form = entry.form AND attribute.value = entry.value AND attribute.list_order = entry.list_order
      AND attribute.start_time_ms = entry.start_time_ms AND attribute.run_id = entry.run_id AND attribute.status = entry.status
      AND attribute.shape_key = entry.shape_key)`;

/** Selects the runs of which the index has a row too many. */
export const strayEntries = `
  SELECT DISTINCT attribute.run_id FROM attribute LEFT JOIN visibility USING (run_id)
  WHERE NOT EXISTS (
    SELECT 1 FROM json_each(visibility.search_attributes) AS given, json_each(visibility.search_attributes, ${place}) AS item
    WHERE given.key = attribute.name AND item.value = attribute.value AND attribute.form < 3
    UNION ALL SELECT 1 FROM json_each(visibility.search_attributes) AS given WHERE given.key = attribute.name AND attribute.form = 3)
    OR visibility.list_key <> attribute.list_key OR visibility.list_order <> attribute.list_order
    OR visibility.start_time_ms <> attribute.start_time_ms OR visibility.status <> attribute.status
    OR visibility.shape_key <> attribute.shape_key`;

/** What keeps the rows of `attribute` as those of `visibility` are. */
function triggers(names: Told): string {
  const isChanged = names.map((name) => `old.${name} <> new.${name}`).join(" OR ");
  return `
    CREATE TRIGGER attribute_added AFTER INSERT ON visibility WHEN new.search_attributes <> '{}' BEGIN ${putNew(names)} END;
    CREATE TRIGGER attribute_changed AFTER UPDATE ON visibility
      WHEN (old.search_attributes <> '{}' OR new.search_attributes <> '{}') AND (
        old.search_attributes <> new.search_attributes OR old.list_order <> new.list_order OR ${isChanged}
        OR old.start_time_ms <> new.start_time_ms OR old.list_key <> new.list_key)
      BEGIN ${dropOld} ${putNew(names)} END;
    CREATE TRIGGER attribute_removed AFTER DELETE ON visibility WHEN old.search_attributes <> '{}' BEGIN ${dropOld} END;`;
}

export function indexAttributes(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE attribute (
      list_key INTEGER NOT NULL,
      name TEXT NOT NULL,
      form INTEGER NOT NULL,
      value ANY NOT NULL,
      list_order INTEGER NOT NULL,
      start_time_ms INTEGER NOT NULL,
      run_id TEXT NOT NULL,
      status INTEGER NOT NULL,
      PRIMARY KEY (list_key, name, form, value, list_order, start_time_ms, run_id)
    ) STRICT, WITHOUT ROWID`);
  readTypes(db);
  // In the order of the index, so that a file of many runs is filled from one end.
  db.exec(`
    INSERT INTO attribute ${inAll(entriesOf("visibility", ["status"]))} ORDER BY 1, 2, 3, 4, 5, 6, 7;
    INSERT INTO attribute ${inAll(emptyOf("visibility", ["status"]))} ORDER BY 1, 2, 3, 4, 5, 6, 7;
    ${triggers(["status"])}`);
  db.exec(`ANALYZE settlement; INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ${spreads};`);
}

/** Rows of `attribute` tell the shape of their run, too, so that "has this value and lacks that attribute" is counted without a look at any row. */
export const indexShapesOfAttributes = `
  ALTER TABLE attribute ADD COLUMN shape_key INTEGER NOT NULL DEFAULT 0;
  UPDATE attribute SET shape_key = (SELECT shape_key FROM visibility WHERE visibility.run_id = attribute.run_id);
  DROP TRIGGER attribute_added;
  DROP TRIGGER attribute_changed;
  DROP TRIGGER attribute_removed;
  ${triggers(told)}`;

/**
 * How the values of the columns are spread in a list of a million runs, as SQLite writes such things down: a run has an id of its own, an id names few
 * runs, a type more and a status most of them. Without it a filter by id and status would walk all runs of the status.
 */
const spreads = [
  ["sqlite_autoindex_visibility_1", "1000000 1"],
  ["visibility_by_workflow", "1000000 1000000 3 2 1 1"],
  ["visibility_by_type", "1000000 1000000 50000 2 1 1"],
  ["visibility_by_status", "1000000 1000000 200000 2 1"],
  ["visibility_in_order", "1000000 1000000 2 1 1"],
]
  .map(([index, spread]) => `('visibility', '${index}', '${spread}')`)
  .join(", ");

/** Rows read at once. */
const pageMax = 1_000;

/** Until now texts were kept like any other value. What an attribute is stands in what a list shows of its run. */
function readTypes(db: DatabaseSync): void {
  const page = db.prepare(`
    SELECT visibility.rowid AS id, visibility_list.kind, search_attributes AS attributes, info
    FROM visibility JOIN visibility_list USING (list_key)
    WHERE visibility.rowid > ? AND search_attributes <> '{}' ORDER BY visibility.rowid LIMIT ${pageMax}`);
  const put = db.prepare("UPDATE visibility SET search_attributes = ? WHERE rowid = ?");
  for (let last = 0; ; ) {
    const rows = page.all(last);
    for (const { id, kind, attributes, info } of rows) {
      const typed = typedAttributesJson(Number(kind), String(attributes), info as Uint8Array);
      if (typed !== attributes) put.run(typed, Number(id));
      last = Number(id);
    }
    if (rows.length < pageMax) return;
  }
}
