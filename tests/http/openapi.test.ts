/** The OpenAPI document of a running server: whole, true of every route, and true of what is answered. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Method, methods } from "@pawl/protocol";
import { freePort, type RunningServer, startPawl } from "../rig/server.ts";
import { requests } from "./requests.ts";
import { type Document, problems, readDocument } from "./schema-check.ts";

let server: RunningServer;
let base: string;
let document: Document;
let text: string;

before(async () => {
  const httpPort = await freePort();
  server = await startPawl({ args: ["--http-port", String(httpPort)] });
  base = `http://127.0.0.1:${httpPort}`;
  text = await (await fetch(`${base}/openapi.json`)).text();
  document = readDocument(JSON.parse(text));
});
after(() => server.kill9());

/** The template's parameters replaced by something that is nowhere. */
const filled = (template: string) => template.replaceAll(/\{[^}]+\}/g, "nowhere");

describe("the document", () => {
  test("is whole: every reference leads somewhere, every id is used once, every parameter of a path is declared", () => {
    const { openapi } = JSON.parse(text) as { openapi: string };
    assert.equal(openapi, "3.1.0");
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      assert.ok(document.schemas[name!], `${name} is not there`);
    const ids = document.operations.map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const { template, parameters } of document.operations) {
      const inPath = parameters.filter((each) => each.in === "path").map(({ name }) => name);
      assert.deepEqual(
        inPath,
        [...template.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name),
        template,
      );
      assert.equal(new Set(parameters.map(({ name }) => name)).size, parameters.length, template);
    }
  });

  test("names no route that is not there: each one answers, with a refusal at worst", async () => {
    assert.ok(document.operations.length > 80);
    for (const { verb, template } of document.operations) {
      const response = await fetch(`${base}${filled(template)}`, { method: verb });
      const json = (await response.json()) as { message?: string };
      assert.ok(![405, 500].includes(response.status), `${verb} ${template}: ${response.status} ${json.message}`);
      assert.doesNotMatch(
        json.message ?? "",
        /comes one of: |nothing comes after|not implemented by this server/,
        `${verb} ${template}`,
      );
    }
  });

  test("leaves out no route: a binding of the API that is not in it is not implemented", async () => {
    const listed = new Set(document.operations.map(({ verb, template }) => `${verb} ${template}`));
    const bindings = Object.values(methods).flatMap(({ http, name }: Method) =>
      http.map((each) => ({ ...each, name })),
    );
    for (const { verb, path, name } of bindings) {
      if (listed.has(`${verb} ${path}`)) continue;
      const response = await fetch(`${base}${filled(path)}`, { method: verb });
      assert.equal(response.status, 501, `${verb} ${path} of ${name} is served and not in the document`);
      await response.body?.cancel();
    }
    for (const own of ["POST /complete-activity", "POST /activity-link", "GET /openapi.json"])
      assert.ok(listed.has(own));
    const asYaml = await (await fetch(`${base}/openapi.yaml`)).json();
    assert.deepEqual(asYaml, JSON.parse(text));
  });

  test("is true of what is answered", async () => {
    let checked = 0;
    for (const { line, headers, body } of requests) {
      const [verb, path = ""] = line.split(" ");
      const below = path.startsWith("//") ? path.slice(1) : `/api/v1/namespaces/default${path}`;
      const response = await fetch(`${base}${below}`, {
        ...(verb !== undefined && { method: verb }),
        ...(headers && { headers }),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const json: unknown = await response.json();
      const target = below.split("?", 1)[0]!;
      const operation = document.operations.find(
        (each) => each.verb === verb && new RegExp(`^${each.template.replaceAll(/\{[^}]+\}/g, "[^/]*")}$`).test(target),
      );
      if (!operation) continue;
      const schema = response.ok ? operation.answer : document.schemas["Problem"]!;
      assert.deepEqual(problems(schema, json, document.schemas), [], `${line} ${JSON.stringify(json)}`);
      checked++;
    }
    assert.ok(checked > 50);
  });
});
