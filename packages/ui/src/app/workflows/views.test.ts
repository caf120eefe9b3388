import assert from "node:assert/strict";
import { test } from "node:test";
import { givenViews, isShown, viewSearch, withView } from "./views.ts";

test("a view is saved under its name, in place of one that had it", () => {
  const first = withView([], { name: " mine ", search: { query: "A = 1", columns: "Status" } });
  assert.deepEqual(first, [{ name: "mine", search: { query: "A = 1", columns: "Status" } }]);
  assert.deepEqual(withView(first, { name: "mine", search: { status: "Failed" } }), [
    { name: "mine", search: { status: "Failed" } },
  ]);
  assert.throws(() => withView(first, { name: " ", search: {} }), /A name has 1 to 60 characters/);
  const many = Array.from({ length: 50 }, (_, at) => ({ name: String(at), search: {} }));
  assert.throws(() => withView(many, { name: "one more", search: {} }), /delete one first/);
});

test("of an address only what a view says is kept", () => {
  assert.deepEqual(viewSearch({ query: "A = 1", status: "", after: "token", sort: 5 }), { query: "A = 1" });
});

test("failed today begins at midnight; the view that is shown is known", () => {
  const views = givenViews(new Date(2026, 2, 1, 15, 30));
  const failed = views.find(({ name }) => name === "Failed today")!;
  assert.equal(failed.search.query, `CloseTime >= "${new Date(2026, 2, 1).toISOString()}"`);
  assert.deepEqual(
    views.filter((view) => isShown(view, { status: "Running" })).map(({ name }) => name),
    ["Running"],
  );
  assert.equal(isShown({ name: "v", search: { columns: "Status" } }, {}), false);
});
