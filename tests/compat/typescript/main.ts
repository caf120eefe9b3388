/**
 * node main.ts list
 * node main.ts scenario NAME... --address 127.0.0.1:7233 --namespace default
 *
 * Runs the scenarios at once, with one worker for all of them, and prints one line of JSON for each as it ends:
 * {"scenario": NAME, "ok": true, "ms": 12, "workflows": [IDS]} or {"scenario": NAME, "ok": false, "error": TEXT, ...}.
 * The exit code is 0 when all of them are ok.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { inspect, parseArgs } from "node:util";
import { Client, Connection } from "@temporalio/client";
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import * as activities from "./activities.ts";
import { scenarios as calling, shopHandler } from "./calling.ts";
import { scenarios as controlling } from "./controlling.ts";
import * as dispatchActivities from "./dispatch-activities.ts";
import { scenarios as dispatching } from "./dispatching.ts";
import { scenarios as ending } from "./ending.ts";
import { Context, type Scenario, type Shared } from "./harness.ts";
import { scenarios as heartbeat, heartbeatWorker } from "./heartbeat.ts";
import { scenarios as messaging } from "./messaging.ts";
import { scenarios as observing } from "./observing.ts";
import { scenarios as outlasting } from "./outlasting.ts";
import * as patternActivities from "./pattern-activities.ts";
import { answer, scenarios as patterns } from "./patterns.ts";
import { scenarios as relating } from "./relating.ts";
import { afterwards } from "./replaying.ts";
import { scenarios as running } from "./running.ts";
import { scenarios as longRunning } from "./seeds/long-running.ts";
import * as longRunningActivities from "./seeds/long-running-activities.ts";

const scenarios: Readonly<Record<string, Scenario>> = {
  ...running,
  ...messaging,
  ...ending,
  ...observing,
  ...heartbeat,
  ...outlasting,
  ...patterns,
  ...dispatching,
  ...calling,
  ...relating,
  ...controlling,
  ...longRunning,
  ...afterwards,
};
const scenarioWithinMs = 240_000;
/** The first task of each workflow makes a V8 context, all in one thread: of more at once, the last would time out on a busy machine. */
const scenariosAtOnce = 12;

async function runScenario(name: string, shared: Shared): Promise<boolean> {
  const context = new Context(name, shared);
  const began = performance.now();
  const overdue = Promise.withResolvers<never>();
  const timer = setTimeout(() => overdue.reject(new Error("the scenario takes too long")), scenarioWithinMs);
  let outcome: { ok: boolean; error?: string };
  try {
    const scenario = scenarios[name];
    if (!scenario) throw new Error("no such scenario");
    await Promise.race([scenario(context), overdue.promise]);
    outcome = { ok: true };
  } catch (error) {
    outcome = { ok: false, error: inspect(error) };
  }
  clearTimeout(timer);
  const ms = Math.round(performance.now() - began);
  console.log(JSON.stringify({ scenario: name, ...outcome, ms, workflows: context.workflowIds }));
  return outcome.ok;
}

async function runScenarios(names: readonly string[], address: string, namespace: string): Promise<boolean> {
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection: await Connection.connect({ address }), namespace });
  const workflowsPath = join(import.meta.dirname, "workflows.ts");
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger("ERROR") });
  const taskQueue = `typescript-${randomUUID()}`;
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle,
    activities: { ...activities, ...patternActivities, ...dispatchActivities, ...longRunningActivities },
    nexusServices: [shopHandler],
    // Often, so that cancellation is soon seen and a heartbeat is not late on a busy machine.
    maxHeartbeatThrottleInterval: 200,
  });
  const shared = { address, client, connection, workflowBundle, taskQueue };
  const results = await worker.runUntil(async () => {
    const waiting = names.filter((name) => !(name in afterwards)).values();
    const oks: boolean[] = [];
    const inTurn = async () => {
      for (const name of waiting) oks.push(await runScenario(name, shared));
    };
    await Promise.all(Array.from({ length: scenariosAtOnce }, inTurn));
    for (const name of names) if (name in afterwards) oks.push(await runScenario(name, shared));
    return oks;
  });
  await client.connection.close();
  await connection.close();
  return results.every((ok) => ok);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    address: { type: "string", default: "127.0.0.1:7233" },
    namespace: { type: "string", default: "default" },
  },
});
const [command, ...names] = positionals;
// Failures are part of the scenarios: what the SDK logs of them is noise.
Runtime.install({ logger: new DefaultLogger("ERROR") });
if (command === "list") {
  console.log(Object.keys(scenarios).join("\n"));
} else if (command === "worker") {
  const [taskQueue = "", codePath = ""] = names;
  const connection = await NativeConnection.connect({ address: values.address });
  const worker = await heartbeatWorker(connection, { codePath }, taskQueue);
  // Until it is killed. Should the process that started it be gone before, so is its standard input.
  await worker.runUntil(text(process.stdin));
} else if (command === "answer") {
  const connection = await Connection.connect({ address: values.address });
  await answer(new Client({ connection, namespace: values.namespace }), names);
  await connection.close();
} else {
  process.exitCode = (await runScenarios(names, values.address, values.namespace)) ? 0 : 1;
}
