/** A disk without room: what was acknowledged stays, reads go on, callers are told to slow down, and with room again so does the rest. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CallError, call } from "../rig/call.ts";
import { startPawl } from "../rig/server.ts";

const mebibyte = 1024 * 1024;
const [resourceExhausted, unavailable] = [8, 14];
const roomWithinMs = 5_000;

test("a full disk loses nothing that was acknowledged, and the server goes on when there is room", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "full-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], { stdio: "pipe" });
  } catch {
    rmSync(folder, { recursive: true });
    // Only root may make a small disk. The store's own tests fill one by a limit on pages, everywhere.
    return t.diagnostic("no small disk could be mounted here: not tried");
  }
  const filler = join(folder, "filler");
  const server = await startPawl({ dbFilename: join(folder, "state.db") });
  const acknowledged: string[] = [];
  const start = async (workflowId: string) => {
    const input = { payloads: [{ data: new Uint8Array(20_000) }] };
    await call(server.address, "StartWorkflowExecution", {
      namespace: "default",
      workflowId,
      requestId: workflowId,
      workflowType: { name: "W" },
      taskQueue: { name: "q" },
      input,
    });
    acknowledged.push(workflowId);
  };
  try {
    for (let count = 0; count < 20; count++) await start(`before-${count}`);
    writeFileSync(filler, new Uint8Array(5 * mebibyte));
    const refused = await untilRefused(start);
    assert([resourceExhausted, unavailable].includes(refused.status), refused.message);
    for (const workflowId of acknowledged) {
      const described = await call(server.address, "DescribeWorkflowExecution", {
        namespace: "default",
        execution: { workflowId },
      });
      assert.equal(described.workflowExecutionInfo?.historyLength, 2, workflowId);
    }
    rmSync(filler);
    await untilStarted(start);
    await server.kill9();
    const again = await startPawl({ dbFilename: join(folder, "state.db") });
    for (const workflowId of acknowledged)
      await call(again.address, "DescribeWorkflowExecution", { namespace: "default", execution: { workflowId } });
    await again.kill9();
    t.diagnostic(`${acknowledged.length} workflows acknowledged, all there`);
  } finally {
    await server.kill9();
    execFileSync("umount", ["--lazy", folder]);
    rmSync(folder, { recursive: true });
  }
});

async function untilRefused(start: (workflowId: string) => Promise<void>): Promise<CallError> {
  for (let count = 0; count < 2_000; count++) {
    try {
      await start(`filling-${count}`);
    } catch (error) {
      if (error instanceof CallError) return error;
      throw error;
    }
  }
  return assert.fail("the disk did not fill up");
}

async function untilStarted(start: (workflowId: string) => Promise<void>): Promise<void> {
  const untilMs = performance.now() + roomWithinMs;
  for (let count = 0; performance.now() < untilMs; count++) {
    try {
      return await start(`after-${count}`);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      await delay(50);
    }
  }
  assert.fail(`no workflow could be started within ${roomWithinMs} ms after there was room`);
}
