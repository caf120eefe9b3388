import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer } from "@pawl/server";
import { run } from "../main.ts";
import { parseSpan } from "../output/span.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Runs one command line in this process. Its stdout is the test runner's, so only what fails can be run so. */
async function refused(t: TestContext, args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const printed: string[] = [];
  const { mock } = t.mock.method(process.stderr, "write", (text: string) => printed.push(text) > 0);
  const code = await run(args);
  mock.restore();
  return { code, stderr: printed.join("") };
}

const ids = ["--workflow-id", "w", "--activity-id", "a"];

describe("pawl activity link", () => {
  test("prints the link alone on stdout, or all of it as JSON", async (t) => {
    const requests: unknown[] = [];
    const made = {
      url: "http://x/activity-link/abc",
      expiresTime: "2030-01-01T00:00:00.000Z",
      activity: { activityType: "Approve", workflowType: "Order" },
    };
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      requests.push([request.url, JSON.parse(body)]);
      response.end(JSON.stringify(made));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const address = ["--http-address", `http://127.0.0.1:${port}`];
    const link = (...args: string[]) =>
      promisify(execFile)(process.execPath, [main, "activity", "link", ...ids, ...args]);
    const text = await link("--expires-in", "1h30m", "-n", "orders", ...address);
    assert.equal(text.stdout, `${made.url}\n`);
    assert.match(text.stderr, /^completes activity Approve of Order, once, until 2030-/);
    const json = await link("-r", "run", "-o", "json", ...address);
    assert.deepEqual(JSON.parse(json.stdout), made);
    assert.deepEqual(requests, [
      ["/activity-link", { workflowId: "w", activityId: "a", namespace: "orders", expiresIn: "5400s" }],
      [
        "/activity-link",
        { workflowId: "w", runId: "run", activityId: "a", namespace: "default", expiresIn: "604800s" },
      ],
    ]);
  });

  test("says what a server says, and that there is none, in one sentence", async (t) => {
    const server = await startServer({ port: 0, httpPort: 0 });
    const address = `http://127.0.0.1:${server.httpPort}`;
    const unknown = await refused(t, ["activity", "link", ...ids, "--http-address", address]);
    assert.deepEqual([unknown.code, unknown.stderr], [1, "pawl: workflow not found for ID: w\n"]);
    await server.stop();
    const gone = await refused(t, ["activity", "link", ...ids, "--http-address", address]);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /^pawl: no server answers at http:.*\n$/);
    const table = [
      [["activity", "link", "--workflow-id", "w"], /needs -a, --activity-id <id>/],
      [["activity", "link", ...ids, "--expires-in", "soon"], /A span is written like 30m/],
      [["activity", "link", ...ids, "--http-address", "nowhere"], /not an address such as/],
    ] as const;
    for (const [args, message] of table) {
      const { code, stderr } = await refused(t, args);
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
  });
});

test("spans", () => {
  assert.deepEqual(["90s", "30m", "1.5h", "7d", "1h30m"].map(parseSpan), [90, 1_800, 5_400, 604_800, 5_400]);
  for (const text of ["", "5", "h", "1w", "-1s", "1h 30m"]) assert.throws(() => parseSpan(text));
});
