import assert from "node:assert/strict";
import { test } from "node:test";
import { machineOf } from "@pawl/engine";
import { ExecutionCache } from "./execution-cache.ts";
import type { Hosted } from "./hosted.ts";

test("what is not there any more takes no memory", () => {
  const cache = new ExecutionCache(1_000_000);
  const machine = machineOf("workflow");
  const put = (key: string, currentRunId: string | null) =>
    cache.put(key, {
      machine,
      execution: machine.empty({ namespaceId: "ns", businessId: key }, currentRunId),
    } as Hosted);
  put("known", "run");
  put("deleted", null);
  assert.deepEqual([cache.size, cache.values().map(({ execution }) => execution.currentRunId)], [1, ["run"]]);
  put("known", null);
  assert.deepEqual([cache.size, cache.bytes], [0, 0]);
});
