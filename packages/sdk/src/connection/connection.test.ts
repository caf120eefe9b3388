import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { errordetails, googleRpc, history, workflowservice } from "@pawl/protocol";
import { Client } from "../client/client.ts";
import { CallFailed, type Transport, type TransportCall } from "../transport/transport.ts";
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from "../value/errors.ts";
import { Connection } from "./connection.ts";

type Answer = Uint8Array | CallFailed;

/** Answers the calls in turn; the last answer stands for all that follow. */
function scripted(...answers: Answer[]): { transport: Transport; calls: TransportCall[] } {
  const calls: TransportCall[] = [];
  const transport: Transport = {
    call: async (call) => {
      calls.push(call);
      const answer = answers[Math.min(calls.length, answers.length) - 1]!;
      if (answer instanceof CallFailed) throw answer;
      return answer;
    },
    close: () => undefined,
  };
  return { transport, calls };
}

const started = workflowservice.StartWorkflowExecutionResponse.encode({ runId: "r1", started: true });
const unavailable = new CallFailed(14, "not now");
const start = { workflowId: "w", taskQueue: "q", args: [] };

describe("a call", () => {
  test("is tried again while the server is unavailable or overloaded, with the same request id", async () => {
    const { transport, calls } = scripted(unavailable, new CallFailed(8, "busy"), started);
    const client = new Client({ connection: Connection.lazy({ transport }) });
    const handle = await client.workflow.start("type", start);
    assert.equal(handle.firstExecutionRunId, "r1");
    const ids = calls.map(({ message }) => workflowservice.StartWorkflowExecutionRequest.decode(message).requestId);
    assert.equal(ids.length, 3);
    assert.equal(new Set(ids).size, 1);
  });

  test("is not tried again after an answer that would be the same", async () => {
    for (const code of [3, 5, 6, 7, 13]) {
      const { transport, calls } = scripted(new CallFailed(code, "no"));
      await assert.rejects(Connection.lazy({ transport }).call("DescribeNamespace", {}), CallFailed);
      assert.equal(calls.length, 1, `status ${code}`);
    }
    const tooLarge = scripted(new CallFailed(8, "grpc: received message larger than max (5 vs. 4)"));
    await assert.rejects(Connection.lazy(tooLarge).call("DescribeNamespace", {}), CallFailed);
    assert.equal(tooLarge.calls.length, 1);
  });

  test("ends with the last failure when its time is over", async () => {
    const { transport, calls } = scripted(unavailable);
    const connection = Connection.lazy({ transport, rpcTimeout: 250 });
    await assert.rejects(connection.call("DescribeNamespace", {}), (error) => error === unavailable);
    assert.ok(calls.length >= 2);
    assert.ok(calls.every(({ timeoutMs }) => timeoutMs <= 250));
  });

  test("that waits for a result is made again when its time is over, until that of its scope is", async () => {
    const overdue = new CallFailed(4, "the call's deadline has passed");
    const closing = workflowservice.GetWorkflowExecutionHistoryResponse.encode({
      history: history.History.encode({ events: [{ eventId: 3, workflowExecutionCompletedEventAttributes: {} }] }),
    });
    const { transport, calls } = scripted(overdue, closing);
    const handle = new Client({ connection: Connection.lazy({ transport }) }).workflow.getHandle("w");
    assert.equal(await handle.result(), undefined);
    assert.equal(calls.length, 2);

    const never = scripted(overdue);
    const client = new Client({ connection: Connection.lazy(never) });
    const past = Date.now() - 1;
    await assert.rejects(
      client.withDeadline(past, () => client.workflow.getHandle("w").result()),
      /DEADLINE_EXCEEDED/,
    );
    await assert.rejects(
      client.withDeadline(past, () => client.activity.getHandle("a").result()),
      /DEADLINE_EXCEEDED/,
    );
    assert.equal(never.calls.length, 2);
  });

  test("carries metadata, key and deadline of its connection and of its scope", async () => {
    const { transport, calls } = scripted(new Uint8Array(0));
    const connection = Connection.lazy({ transport, apiKey: () => "secret", metadata: { a: "1" } });
    const soon = new AbortController();
    await connection.withMetadata({ b: "2" }, () =>
      connection.withDeadline(Date.now() + 100, () =>
        connection.withAbortSignal(soon.signal, () => connection.workflowService.describeNamespace({ namespace: "x" })),
      ),
    );
    const [{ metadata, timeoutMs, signal, path }] = calls as [TransportCall];
    assert.deepEqual([metadata["authorization"], metadata["a"], metadata["b"]], ["Bearer secret", "1", "2"]);
    assert.equal(metadata["client-name"], "pawl-typescript");
    assert.ok(timeoutMs <= 100);
    assert.equal(signal, soon.signal);
    connection.setMetadata({ c: "3" });
    const { schedule, taskQueue, activity } = new Client({ connection });
    for (const client of [schedule, taskQueue, activity]) {
      await client.withMetadata({ b: "4" }, () => client.workflowService.describeNamespace({ namespace: "x" }));
      const last = calls.at(-1)!.metadata;
      assert.deepEqual([last["a"], last["b"], last["c"]], [undefined, "4", "3"]);
    }
    assert.equal(path, "/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace");
  });
});

describe("an error of the server", () => {
  test("becomes the one of the SDK", async () => {
    const found = (failure: CallFailed) => new Client({ connection: Connection.lazy(scripted(failure)) });
    const exists = new CallFailed(6, "exists");
    await assert.rejects(found(exists).workflow.start("type", start), WorkflowExecutionAlreadyStartedError);
    const handle = found(new CallFailed(5, "workflow not found")).workflow.getHandle("w", "r");
    await assert.rejects(handle.describe(), (error: unknown) => {
      assert.ok(error instanceof WorkflowNotFoundError);
      assert.deepEqual([error.workflowId, error.runId, error.message], ["w", "r", "workflow not found"]);
      return true;
    });
  });

  test("keeps the detail that came with it", () => {
    const value = errordetails.WorkflowExecutionAlreadyStartedFailure.encode({ runId: "other" });
    const typeName = "temporal.api.errordetails.v1.WorkflowExecutionAlreadyStartedFailure";
    const status = googleRpc.Status.encode({ details: [{ type_url: `type.googleapis.com/${typeName}`, value }] });
    const failed = new CallFailed(6, "exists", status);
    const detail = failed.detail(typeName);
    assert.equal(errordetails.WorkflowExecutionAlreadyStartedFailure.decode(detail!).runId, "other");
    assert.equal(failed.detail("absent"), undefined);
  });

  test("that no server is there is known within the time to connect", async () => {
    // The discard port: nothing listens there.
    await assert.rejects(Connection.connect({ address: "127.0.0.1:9", connectTimeout: 300 }), (error: unknown) => {
      assert.ok(error instanceof CallFailed);
      assert.ok(error.code === 14 || error.code === 4, `${error.code}`);
      return true;
    });
  });
});
