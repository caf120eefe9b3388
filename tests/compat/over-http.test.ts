/** Activities of official SDKs, ended by somebody who knows nothing of them but a task token, over HTTP. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ScenarioRun } from "../rig/scenarios.ts";
import { freePort, type RunningServer, startPawl } from "../rig/server.ts";
import { languages, preparedWithinMs, scenariosWithinMs, target } from "./languages.ts";
import { overHttp } from "./sentences.ts";

const [[scenario, sentence]] = Object.entries(overHttp) as [[string, string]];

// The reference server has no such routes.
describe("official SDKs and HTTP", { skip: target !== "Pawl" }, () => {
  let server: RunningServer;
  let url: string;

  before(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    server = await startPawl({ args: ["--http-port", String(port)] });
  });

  after(() => server.stop());

  for (const { name, prepare } of languages) {
    test(`${name}: ${sentence}`, { timeout: preparedWithinMs + scenariosWithinMs }, async (t) => {
      const prepared = await prepare();
      if ("skipped" in prepared) return t.skip(prepared.skipped);
      const running = new ScenarioRun(prepared.tool.scenarios, [scenario], server.address);
      t.after(() => running.kill());
      const [approved, failed, linked] = (await running.announced(scenario)).tokens;

      const approval = { task_token: approved, result: { approved: true, approver: "alice" } };
      assert.equal((await post(`${url}/complete-activity`, approval)).status, 200);
      assert.equal((await post(`${url}/complete-activity`, approval)).status, 404, "it was completed already");
      const refusal = { task_token: failed, error: { message: "Rejected by compliance", nonRetryable: true } };
      assert.equal((await post(`${url}/fail-activity`, refusal)).status, 200);
      const made = await post(`${url}/activity-link`, { task_token: linked });
      const link = ((await made.json()) as { url: string }).url;
      assert.equal((await post(link, { result: { approved: false, approver: "bob" } })).status, 200);
      assert.equal((await post(link, { result: { approved: true, approver: "eve" } })).status, 410, "it was used");

      running.proceed();
      const { ok, error } = await running.outcome(scenario);
      assert.ok(ok, error);
      assert.equal(await running.ended(), 0, running.output());
    });
  }
});

function post(url: string, body: unknown): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}
