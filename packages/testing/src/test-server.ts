#!/usr/bin/env node
/**
 * pawl-test-server PORT: a server whose clock jumps, for the test environments of official SDKs in other languages, which start it as they would
 * start their own test server (in Python: `WorkflowEnvironment.start_time_skipping(test_server_existing_path=…)`). Ends with SIGTERM or SIGINT.
 */
import { TestWorkflowEnvironment } from "./environment.ts";

const port = Number(process.argv.slice(2).find((arg) => /^\d+$/.test(arg)) ?? Number.NaN);
if (!Number.isInteger(port) || port > 65_535) {
  console.error("usage: pawl-test-server PORT");
  process.exit(2);
}
const environment = await TestWorkflowEnvironment.createTimeSkipping();
const { port: served } = await environment.serve({ port });
console.log(`ready on 127.0.0.1:${served}`);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void environment.teardown().then(() => process.exit()));
}
