import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, type Init, type RequestOf, toTimestamp } from "@pawl/protocol";
import { InProcess, jsonOf, jsonPayloads } from "../in-process.ts";

const { WorkflowExecutionStatus: Status } = enums;

/** Five workflows, a minute apart: a and b terminated, c, d and e open. */
async function fiveRuns(): Promise<InProcess> {
  const server = await InProcess.open();
  for (const workflowId of ["a", "b", "c", "d", "e"]) {
    await server.start(workflowId, { workflowType: { name: workflowId < "c" ? "Old" : "New" } });
    server.clock.advance(60_000);
  }
  for (const workflowId of ["a", "b"]) {
    await server.ask("TerminateWorkflowExecution", { workflowExecution: { workflowId } });
    server.clock.advance(60_000);
  }
  return server;
}

function idsOf({ executions }: { executions: readonly { execution?: { workflowId: string } | undefined }[] }): string {
  return executions.map(({ execution }) => execution?.workflowId).join("");
}

describe("a list", () => {
  for (const method of ["ListWorkflowExecutions", "ScanWorkflowExecutions"] as const) {
    for (const [query, expected] of [
      ["", "edcba"],
      ["WorkflowType = 'Old'", "ba"],
      ["ExecutionStatus = 'Running' and WorkflowId != 'd'", "ec"],
      ["CloseTime is not null", "ba"],
      ["ExecutionStatus in ('Terminated', 'Failed') or WorkflowId starts_with 'e'", "eba"],
      ["TemporalNamespaceDivision = 'TemporalScheduler'", ""],
    ] as const)
      test(`${method} of ${query || "all"}: ${expected || "none"}`, async () => {
        await using server = await fiveRuns();
        assert.equal(idsOf(await server.ask(method, { query })), expected);
      });
  }

  test("comes in any order that its query asks for, in pages, those without a value last", async () => {
    await using server = await fiveRuns();
    for (const [query, expected] of [
      ["ORDER BY StartTime", "abcde"],
      ["ORDER BY WorkflowId DESC", "edcba"],
      ["WorkflowType = 'Old' ORDER BY CloseTime", "ab"],
      ["ORDER BY WorkflowType", "edcba"],
      ["ORDER BY WorkflowType DESC", "baedc"],
      ["ORDER BY ExecutionDuration", "baedc"],
      ["ORDER BY ScheduledById", "edcba"],
    ] as const) {
      let ids = "";
      let nextPageToken: Uint8Array = new Uint8Array();
      do {
        const page = await server.ask("ListWorkflowExecutions", { query, pageSize: 2, nextPageToken });
        ids += idsOf(page);
        nextPageToken = page.nextPageToken;
      } while (nextPageToken.length > 0);
      assert.equal(ids, expected, query);
    }
    const { nextPageToken } = await server.ask("ListWorkflowExecutions", { query: "ORDER BY StartTime", pageSize: 2 });
    const other = { query: "ORDER BY StartTime DESC", nextPageToken };
    assert.equal(await server.verdict("ListWorkflowExecutions", other), "INVALID_ARGUMENT Invalid NextPageToken.");
  });

  test("comes in pages, stable while workflows start and close", async () => {
    await using server = await fiveRuns();
    const first = await server.ask("ListWorkflowExecutions", { pageSize: 2 });
    assert.equal(idsOf(first), "ed");
    await server.start("f");
    const second = await server.ask("ListWorkflowExecutions", { pageSize: 2, nextPageToken: first.nextPageToken });
    assert.equal(idsOf(second), "cb");
    const third = await server.ask("ListWorkflowExecutions", { pageSize: 2, nextPageToken: second.nextPageToken });
    assert.equal(idsOf(third), "a");
    assert.equal(third.nextPageToken.length, 0);
  });

  test("whose last page is exactly full has no token", async () => {
    await using server = await fiveRuns();
    const page = await server.ask("ListWorkflowExecutions", { pageSize: 5 });
    assert.deepEqual([idsOf(page), page.nextPageToken.length], ["edcba", 0]);
  });

  test("shows a workflow as soon as its start is acknowledged, and by its search attributes", async () => {
    await using server = await InProcess.open();
    const searchAttributes = { indexedFields: { BuildIds: jsonPayloads(["one", "two"]).payloads[0]! } };
    await server.start("w", { searchAttributes });
    const { executions } = await server.ask("ListWorkflowExecutions", { query: "BuildIds = 'two'" });
    assert.deepEqual([executions.length, executions[0]?.status, executions[0]?.type?.name], [1, Status.RUNNING, "T"]);
  });

  for (const [request, verdict] of [
    [{ namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
    [{ query: "WorkflowId" }, "INVALID_ARGUMENT invalid query: invalid expression: incomplete expression"],
    [{ query: "Customer = 'x'" }, "INVALID_ARGUMENT invalid query: invalid search attribute: Customer"],
    [
      { query: "GROUP BY ExecutionStatus" },
      "INVALID_ARGUMENT invalid query: operation is not supported: 'GROUP BY' clause",
    ],
    [
      { query: "ORDER BY StartTime, CloseTime" },
      "INVALID_ARGUMENT invalid query: operation is not supported: 'ORDER BY' clause supports only a single field",
    ],
    [
      { query: "ORDER BY BuildIds" },
      "INVALID_ARGUMENT invalid query: operation is not supported: 'ORDER BY' clause is not supported for KeywordList type search attribute 'BuildIds'",
    ],
    [{ query: "ORDER BY Customer" }, "INVALID_ARGUMENT invalid query: invalid search attribute: Customer"],
    [{ query: "€".repeat(30_000) }, "INVALID_ARGUMENT invalid query: malformed SQL query: longer than 65536 bytes"],
    [{ nextPageToken: Uint8Array.from([1]) }, "INVALID_ARGUMENT Invalid NextPageToken."],
  ] as const)
    test(`with ${JSON.stringify(request).slice(0, 60)}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      assert.equal(await server.verdict("ListWorkflowExecutions", request), verdict);
    });
});

describe("a count", () => {
  test("is of all that match", async () => {
    await using server = await fiveRuns();
    assert.equal((await server.ask("CountWorkflowExecutions", {})).count, 5);
    const { count, groups } = await server.ask("CountWorkflowExecutions", { query: "WorkflowType = 'New'" });
    assert.deepEqual([count, groups.length], [3, 0]);
  });

  test("by status names each status and sums up", async () => {
    await using server = await fiveRuns();
    const { count, groups } = await server.ask("CountWorkflowExecutions", { query: "GROUP BY ExecutionStatus" });
    const named = groups.map((group) => [...jsonOf({ payloads: group.groupValues }), group.count]).sort();
    assert.deepEqual(named, [
      ["Running", 3],
      ["Terminated", 2],
    ]);
    assert.equal(count, 5);
    const type = groups[0]?.groupValues[0]?.metadata["type"];
    assert.equal(new TextDecoder().decode(type), "Keyword");
  });

  test("by division counts those in none, too, under an empty name", async () => {
    await using server = await fiveRuns();
    const division = jsonPayloads("ours").payloads[0]!;
    await server.start("w", { searchAttributes: { indexedFields: { TemporalNamespaceDivision: division } } });
    const query = "GROUP BY TemporalNamespaceDivision";
    const { count, groups } = await server.ask("CountWorkflowExecutions", { query });
    const named = groups.map((group) => [...jsonOf({ payloads: group.groupValues }), group.count]).sort();
    assert.deepEqual(named, [
      ["", 5],
      ["ours", 1],
    ]);
    assert.equal(count, 6);
  });

  for (const [query, verdict] of [
    ["ORDER BY StartTime", "INVALID_ARGUMENT invalid query: operation is not supported: 'ORDER BY' clause"],
    [
      "GROUP BY WorkflowId",
      "INVALID_ARGUMENT invalid query: operation is not supported: 'GROUP BY' clause is not supported for search attribute WorkflowId",
    ],
    [
      "GROUP BY ExecutionStatus, WorkflowId",
      "INVALID_ARGUMENT invalid query: operation is not supported: 'GROUP BY' clause supports only a single field",
    ],
    ["GROUP BY Nothing", "INVALID_ARGUMENT invalid query: invalid search attribute: Nothing"],
  ] as const)
    test(`${query}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      assert.equal(await server.verdict("CountWorkflowExecutions", { query }), verdict);
    });
});

describe("the lists of older clients", () => {
  type Closed = Init<RequestOf<"ListClosedWorkflowExecutions">>;
  const startMs = 1_700_000_000_000;
  const between = (earliestMs: number, latestMs: number): Closed => ({
    startTimeFilter: { earliestTime: toTimestamp(startMs + earliestMs), latestTime: toTimestamp(startMs + latestMs) },
  });
  for (const [name, open, request, expected] of [
    ["open", true, {}, "edc"],
    ["open of a type", true, { typeFilter: { name: "New" } }, "edc"],
    ["open of an id", true, { executionFilter: { workflowId: "d" } }, "d"],
    ["open started between", true, between(170_000, 190_000), "d"],
    ["closed", false, {}, "ba"],
    ["closed of a type", false, { typeFilter: { name: "New" } }, ""],
    ["closed of an id", false, { executionFilter: { workflowId: "b" } }, "b"],
    ["closed between", false, between(300_000, 300_000), "a"],
    ["terminated", false, { statusFilter: { status: Status.TERMINATED } }, "ba"],
    ["failed", false, { statusFilter: { status: Status.FAILED } }, ""],
  ] as const)
    test(`${name}: ${expected || "none"}`, async () => {
      await using server = await fiveRuns();
      const listed = open
        ? await server.ask("ListOpenWorkflowExecutions", request)
        : await server.ask("ListClosedWorkflowExecutions", request);
      assert.equal(idsOf(listed), expected);
    });

  test("come in pages", async () => {
    await using server = await fiveRuns();
    const first = await server.ask("ListOpenWorkflowExecutions", { maximumPageSize: 2 });
    const { nextPageToken } = first;
    const second = await server.ask("ListOpenWorkflowExecutions", { maximumPageSize: 2, nextPageToken });
    assert.deepEqual([idsOf(first), idsOf(second)], ["ed", "c"]);
  });

  test("need times in order, and a status of closed workflows", async () => {
    await using server = await InProcess.open();
    assert.equal(
      await server.verdict("ListClosedWorkflowExecutions", between(2, 1)),
      "INVALID_ARGUMENT EarliestTime in StartTimeFilter should not be larger than LatestTime.",
    );
    for (const status of [Status.UNSPECIFIED, Status.RUNNING])
      assert.equal(
        await server.verdict("ListClosedWorkflowExecutions", { statusFilter: { status } }),
        "INVALID_ARGUMENT StatusFilter must be specified and must be not Running.",
      );
  });
});
