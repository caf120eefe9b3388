import assert from "node:assert/strict";
import { test } from "node:test";
import { stackPlace } from "./stack-place.ts";

const python = `  File "/srv/venv/lib/python3.11/site-packages/temporalio/worker/_workflow_instance.py", line 534, in activate
    self._run_once(

  File "/srv/orders/workflows.py", line 54, in run
    total = price(order)
            ^^^^^^^^^^^^

  File "/srv/orders/prices.py", line 7, in price
    return json.dumps(order)

  File "/usr/lib/python3.11/json/encoder.py", line 180, in default
    raise TypeError()
`;
const go = `coroutine root [panic]:
main.price({0x0?, 0x48ccb3?})
	/srv/orders/prices.go:26 +0x28
reflect.Value.call({0xd1d2e0?})
	/usr/local/go/src/reflect/value.go:586 +0xf0c
go.temporal.io/sdk/internal.executeFunction({0xd1d2e0})
	/srv/go/pkg/mod/go.temporal.io/sdk@v1.50.0/internal/internal_worker.go:3061 +0x319
`;
const java = `com.fasterxml.jackson.databind.ObjectMapper.writeValue(ObjectMapper.java:1)
java.base/java.util.Objects.requireNonNull(Objects.java:235)
com.example.Prices.price(Prices.java:12)
io.temporal.internal.sync.POJOWorkflow.execute(POJOWorkflow.java:300)`;
const typescript = `    at JSON.parse (<anonymous>)
    at price (/srv/orders/prices.ts:7:3)
    at run (/srv/orders/node_modules/@temporalio/workflow/src/internals.ts:1:1)`;

test("the place of a failure is the innermost one in the program's own code, in each language", () => {
  for (const [trace, place] of [
    [python, 'File "/srv/orders/prices.py", line 7, in price'],
    [go, "/srv/orders/prices.go:26"],
    [java, "com.example.Prices.price(Prices.java:12)"],
    ["    at price (src/prices.ts:7:3)\n    at run (src/run.ts:1:1)", "at price (src/prices.ts:7:3)"],
    [typescript, "at price (/srv/orders/prices.ts:7:3)"],
    ["    at run (node_modules/a.js:1:1)\n    at go (node:internal)", ""],
    ["", ""],
  ] as const)
    assert.equal(stackPlace({ stackTrace: trace }), place);
});

test("what an SDK has wrapped is looked for in its cause", () => {
  const stackTrace = "io.temporal.internal.statemachines.WorkflowStateMachines.create(WorkflowStateMachines.java:465)";
  const cause = { stackTrace, cause: { stackTrace: java } };
  assert.equal(stackPlace({ stackTrace, cause }), "com.example.Prices.price(Prices.java:12)");
});
