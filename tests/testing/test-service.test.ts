/** The test service, by itself and under the official Python SDK's time-skipping test environment. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { testservice, timestampMs, toTimestamp } from "@pawl/protocol";
import { TestWorkflowEnvironment } from "@pawl/testing";
import { preparePython } from "../rig/python.ts";
import { repository, run } from "../rig/toolchain.ts";

const hourMs = 3_600_000;

/** Calls the service as another process would. */
function caller(port: number) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const call = (name: string, message: Uint8Array = new Uint8Array(0), timeoutMs = 30_000) =>
    new Promise<Buffer>((resolve, reject) => {
      const path = `/temporal.api.testservice.v1.TestService/${name}`;
      const asIs = (bytes: Uint8Array) => Buffer.from(bytes);
      const answered = (error: ServiceError | null, answer?: Buffer) => (error ? reject(error) : resolve(answer!));
      client.makeUnaryRequest(path, asIs, asIs, message, { deadline: Date.now() + timeoutMs }, answered);
    });
  const nowMs = async () => timestampMs(testservice.GetCurrentTimeResponse.decode(await call("GetCurrentTime")).time);
  return { call, nowMs, close: () => client.close() };
}

const hour = testservice.SleepRequest.encode({ duration: { seconds: 3_600, nanos: 0 } });

test("time is skipped while it is unlocked or slept through, and goes its usual pace while it is locked", async () => {
  const env = await TestWorkflowEnvironment.createTimeSkipping();
  const { port } = await env.serve();
  const { call, nowMs, close } = caller(port);
  const beganAtMs = await nowMs();
  assert.ok(Math.abs(beganAtMs - (await env.currentTimeMs())) < hourMs);

  await call("UnlockTimeSkippingWithSleep", hour);
  assert.ok((await nowMs()) - beganAtMs >= hourMs);

  // A sleep without unlocking waits for others to bring the time on.
  const until = testservice.SleepUntilRequest.encode({ timestamp: toTimestamp((await nowMs()) + hourMs) });
  const slept = Promise.all([call("Sleep", hour), call("SleepUntil", until)]);
  await assert.rejects(call("Sleep", hour, 100), /DEADLINE_EXCEEDED/);
  assert.ok((await nowMs()) - beganAtMs < 2 * hourMs, "nobody has unlocked it");
  await call("LockTimeSkipping");
  await call("UnlockTimeSkipping");
  assert.ok((await nowMs()) - beganAtMs < 2 * hourMs, "it is still locked once");
  await call("UnlockTimeSkipping");
  await slept;
  assert.ok((await nowMs()) - beganAtMs >= 2 * hourMs);
  await assert.rejects(call("UnlockTimeSkipping"), /FAILED_PRECONDITION.*unlocked already/);
  await call("LockTimeSkipping");
  await assert.rejects(call("Sleep", new Uint8Array([255])), /INVALID_ARGUMENT: the request cannot be decoded/);
  await assert.rejects(call("Nap"), /UNIMPLEMENTED/);
  close();
  await env.teardown();
});

test("a server without a clock that jumps has no such service", async () => {
  const env = await TestWorkflowEnvironment.createLocal();
  const { port } = await env.serve();
  const { call, close } = caller(port);
  await assert.rejects(call("GetCurrentTime"), /UNIMPLEMENTED/);
  close();
  await env.teardown();
});

const program = `
import asyncio, os, sys, time
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker, UnsandboxedWorkflowRunner

@activity.defn
async def say(name: str) -> str:
    return f"Hello, {name}!"

@workflow.defn
class Month:
    @workflow.run
    async def run(self, name: str) -> str:
        await asyncio.sleep(timedelta(days=30).total_seconds())
        return await workflow.execute_activity(say, name, start_to_close_timeout=timedelta(minutes=1))

async def main():
    env = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=sys.argv[1], test_server_startup_timeout=timedelta(minutes=1)
    )
    async with env:
        assert env.supports_time_skipping
        began, real = await env.get_current_time(), time.monotonic()
        async with Worker(env.client, task_queue="q", workflows=[Month], activities=[say], workflow_runner=UnsandboxedWorkflowRunner()):
            print(await env.client.execute_workflow(Month.run, "Python", id="month", task_queue="q"))
            await env.sleep(timedelta(days=7))
            with env.auto_time_skipping_disabled():
                handle = await env.client.start_workflow(Month.run, "again", id="again", task_queue="q")
                await asyncio.sleep(0.2)
                assert (await handle.describe()).status.name == "RUNNING"
            await handle.result()
        passed = await env.get_current_time() - began
        assert passed >= timedelta(days=67), passed
        assert time.monotonic() - real < 60
        print(passed.days >= 67)

asyncio.run(main())
# Python sometimes breaks off while it ends under the SDK's threads: what was to be shown has been shown.
sys.stdout.flush()
os._exit(0)
`;

test("the official Python SDK's environment starts it and skips months with it", async (t) => {
  const prepared = await preparePython();
  if ("skipped" in prepared) return t.skip(prepared.skipped);
  const folder = await mkdtemp(join(tmpdir(), "pawl-test-server-"));
  t.after(() => rm(folder, { recursive: true }));
  const server = fileURLToPath(import.meta.resolve("@pawl/testing/test-server"));
  const path = join(folder, "server");
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${server}" "$@"\n`);
  await chmod(path, 0o755);
  await writeFile(join(folder, "program.py"), program);
  const printed = await run(prepared.tool.scenarios.command, ["-B", join(folder, "program.py"), path], {
    cwd: repository,
  });
  // The server's own words may stand between.
  const said = printed.split("\n").filter((line) => !line.startsWith("ready on "));
  assert.deepEqual(said, ["Hello, Python!", "True"]);
});
