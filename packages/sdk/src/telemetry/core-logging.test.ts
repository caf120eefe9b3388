import assert from "node:assert/strict";
import { test } from "node:test";
import { DefaultLogger } from "../value/logger.ts";
import { makeTelemetryFilterString } from "./core-logging.ts";
import { Runtime } from "./runtime.ts";

test("a program that filters the log of the official SDK's core runs, and has its logger", async (t) => {
  const filter = makeTelemetryFilterString({ core: "WARN" });
  assert.equal(filter, "ERROR,temporalio_sdk_core=WARN,temporalio_client=WARN,temporalio_common=WARN");
  const logger = new DefaultLogger("WARN");
  const runtime = Runtime.install({ logger, telemetryOptions: { logging: { filter, forward: { level: "DEBUG" } } } });
  t.after(() => runtime.shutdown());
  assert.equal(runtime.logger, logger);
});
