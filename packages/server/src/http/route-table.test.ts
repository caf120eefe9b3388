import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { methods } from "@pawl/protocol";
import { type Route, RouteTable, type Verb } from "./route-table.ts";

const route = (verb: Verb, template: string): Route => ({
  ...{ verb, template, operation: `${verb} ${template}` as never },
  shape: { type: "own", summary: "", answer: {} },
  serve: async () => undefined,
});

function find(table: RouteTable, verb: string, path: string) {
  const found = table.find(verb, path.split("/").slice(1));
  return found.type === "found"
    ? [found.route.template, Object.fromEntries(found.values)]
    : found.type === "otherVerbs"
      ? found.allowed
      : [found.known, found.next];
}

describe("a table of routes", () => {
  const table = new RouteTable([
    route("GET", "/things"),
    route("POST", "/things/{id}"),
    route("GET", "/things/{thing.id}"),
    route("GET", "/things/all"),
    route("GET", "/things/{id}/parts/{part}"),
    route("DELETE", "/things/all/parts"),
  ]);

  test("a literal goes before a parameter, and a parameter takes whatever stands there, the verb decides", () => {
    assert.deepEqual(find(table, "GET", "/things/all"), ["/things/all", {}]);
    assert.deepEqual(find(table, "GET", "/things/a/b"), ["/things/{…}", ["parts"]]);
    assert.deepEqual(find(table, "GET", "/things/x"), ["/things/{thing.id}", { "thing.id": "x" }]);
    assert.deepEqual(find(table, "POST", "/things/all"), ["/things/{id}", { id: "all" }]);
    assert.deepEqual(find(table, "GET", "/things/"), ["/things/{thing.id}", { "thing.id": "" }]);
    assert.deepEqual(find(table, "GET", "/things/all/parts/2"), [
      "/things/{id}/parts/{part}",
      { id: "all", part: "2" },
    ]);
    assert.deepEqual(find(table, "HEAD", "/things"), ["/things", {}]);
  });

  test("what is not there says how far the path is known, and a wrong verb which ones are right", () => {
    assert.deepEqual(find(table, "GET", "/"), ["/", ["things"]]);
    assert.deepEqual(find(table, "GET", "/thing"), ["/", ["things"]]);
    assert.deepEqual(find(table, "GET", "/things/x/y"), ["/things/{…}", ["parts"]]);
    assert.deepEqual(find(table, "PUT", "/things/x"), ["POST", "GET", "HEAD"]);
    assert.deepEqual(find(table, "toString", "/things"), ["GET", "HEAD"]);
  });

  test("two routes of one shape are refused", () => {
    assert.throws(() => new RouteTable([route("GET", "/a/{x}"), route("GET", "/a/{y}")]), /is GET \/a\/\{x\} already/);
  });

  test("every binding of the API has its place, those of one method too", () => {
    const all = Object.values(methods).flatMap(({ http }) => http.map(({ verb, path }) => route(verb, path)));
    const table = new RouteTable(all);
    for (const { verb, template } of all) {
      const path = template.replaceAll(/\{[^}]+\}/g, "~");
      assert.deepEqual(find(table, verb, path).at(0), template);
    }
    const activity = methods.RespondActivityTaskCompletedById.http.map(({ path }) => path);
    assert.deepEqual(activity, [
      "/namespaces/{namespace}/activities/{activity_id}/complete",
      "/api/v1/namespaces/{namespace}/activities/{activity_id}/complete",
      "/namespaces/{namespace}/workflows/{workflow_id}/activities/{activity_id}/complete",
      "/api/v1/namespaces/{namespace}/workflows/{workflow_id}/activities/{activity_id}/complete",
    ]);
  });
});
