/**
 * Which attributes a row of `visibility` has, as one text: its shape. Runs of one program have few of them between them, so that "the attribute is
 * missing" is a choice among shapes, where each row would have to be looked at otherwise.
 *
 * `indexShapes` is the step of the schema that makes an index of them, and one of start times. That one is for stretches long ago, and `list_key > 0`
 * keeps SQLite from taking it of its own accord: for what started lately the order of the list is the better way.
 */
import type { DatabaseSync } from "node:sqlite";
import { unindexedAttributes } from "../visibility/visibility-plan.ts";

/** Of each list. Beyond, rows have `anyShape`, and must be looked at. */
export const shapesMax = 1_000;

/** No shape in particular: it is not an array as all others are. */
export const anyShape = "*";

/** The shape of a row with these attributes, as `attributesJson` wrote them. */
export function shapeOf(attributes: string): string {
  if (attributes === "{}") return "[]";
  const names = Object.keys(JSON.parse(attributes) as object).filter((name) => !unindexedAttributes.includes(name));
  return JSON.stringify(names.sort());
}

/** The names, as they are stored, in a shape; undefined when it is `anyShape`. */
export function namesOfShape(shape: string): ReadonlySet<string> | undefined {
  return shape === anyShape ? undefined : new Set(JSON.parse(shape) as string[]);
}

/** Selects the runs that lie under a shape which is not theirs. */
export const wrongShapes = `
  SELECT visibility.run_id FROM visibility LEFT JOIN visibility_shape AS shape USING (shape_key)
  WHERE shape.names IS NULL OR shape.list_key <> visibility.list_key
    OR (shape.names <> '${anyShape}' AND shape.names <> shape_of(visibility.search_attributes))`;

export function indexShapes(db: DatabaseSync): void {
  db.function("shape_of", { deterministic: true }, (attributes) => shapeOf(String(attributes)));
  const shapeOfRow = `
    SELECT shape_key FROM visibility_shape AS shape
    WHERE shape.list_key = visibility.list_key AND shape.names IN (shape_of(search_attributes), '${anyShape}')
    ORDER BY shape.names = '${anyShape}' LIMIT 1`;
  db.exec(`
    CREATE TABLE visibility_shape (
      shape_key INTEGER PRIMARY KEY,
      list_key INTEGER NOT NULL,
      names TEXT NOT NULL,
      UNIQUE (list_key, names)
    ) STRICT;
    INSERT INTO visibility_shape (list_key, names)
      SELECT list_key, CASE WHEN row_number() OVER (PARTITION BY list_key ORDER BY names) <= ${shapesMax} THEN names ELSE '${anyShape}' END
      FROM (SELECT DISTINCT list_key, shape_of(search_attributes) AS names FROM visibility)
      WHERE TRUE ON CONFLICT DO NOTHING;
    ALTER TABLE visibility ADD COLUMN shape_key INTEGER NOT NULL DEFAULT 0;
    UPDATE visibility SET shape_key = (${shapeOfRow});
    CREATE INDEX visibility_by_shape ON visibility (shape_key, list_order, start_time_ms, status);
    CREATE INDEX visibility_by_start ON visibility (list_key, start_time_ms, list_order, status) WHERE list_key > 0;`);
}
