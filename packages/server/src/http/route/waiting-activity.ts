/** For tests: a server with a workflow whose activity a worker has begun, asked over HTTP and gRPC. */
import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http";
import type { TestContext } from "node:test";
import { enums, history, type Init, type MethodName, methods, type RequestOf, type ResponseOf } from "@pawl/protocol";
import type { ServerConfig } from "../../config.ts";
import { type RunningServer, startServer } from "../../main.ts";
import { RawClient } from "../../rpc/raw-client.ts";
import { type Asked, askHttp, EventReader } from "../raw-http.ts";

export const namespace = "default";

export class Waiting implements AsyncDisposable {
  readonly #server: RunningServer;
  readonly #client: RawClient;
  token = "";
  runId = "";

  constructor(server: RunningServer) {
    this.#server = server;
    this.#client = new RawClient(server.port);
  }

  static async open(t: TestContext, config: ServerConfig = {}): Promise<Waiting> {
    const server = await startServer({ port: 0, httpPort: 0, ...config });
    const waiting = new Waiting(server);
    t.after(() => waiting[Symbol.asyncDispose]());
    return waiting;
  }

  async begin(workflowId = "w", options: { readonly maximumAttempts?: number } = {}): Promise<this> {
    const taskQueue = { name: workflowId };
    const start = { namespace, workflowId, workflowType: { name: "Order" }, taskQueue };
    this.runId = (await this.grpc("StartWorkflowExecution", start)).runId;
    const task = await this.grpc("PollWorkflowTaskQueue", { namespace, taskQueue });
    const scheduleActivityTaskCommandAttributes = {
      ...{ activityId: "approve", activityType: { name: "<b>Approve</b>" }, taskQueue },
      ...{ startToCloseTimeout: { seconds: 86_400 }, heartbeatTimeout: { seconds: 3_600 } },
      retryPolicy: { maximumAttempts: options.maximumAttempts ?? 1, initialInterval: { nanos: 1_000_000 } },
    };
    const commandType = enums.CommandType.SCHEDULE_ACTIVITY_TASK;
    const commands = [{ commandType, scheduleActivityTaskCommandAttributes }];
    await this.grpc("RespondWorkflowTaskCompleted", { namespace, taskToken: task.taskToken, commands });
    return this.poll(workflowId);
  }

  async poll(workflowId = "w"): Promise<this> {
    const { taskToken } = await this.grpc("PollActivityTaskQueue", { namespace, taskQueue: { name: workflowId } });
    this.token = Buffer.from(taskToken).toString("base64");
    return this;
  }

  async grpc<N extends MethodName>(name: N, request: Init<RequestOf<N>>): Promise<ResponseOf<N>> {
    const { code, text, bytes } = await this.#client.call(
      methods[name].path,
      methods[name].request.encode(request as never),
      { deadlineMs: Date.now() + 10_000 },
    );
    assert.equal(code, 0, `${name}: ${text}`);
    return methods[name].response.decode(bytes!) as ResponseOf<N>;
  }

  ask(line: string, asked?: Asked) {
    return askHttp(this.#server.httpPort!, line, asked);
  }

  follow(path: string, headers: OutgoingHttpHeaders = {}): Promise<EventReader> {
    return EventReader.open(this.#server.httpPort!, path, headers);
  }

  /** HTTP requests under way. */
  async pending(): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${this.#server.metricsPort}/metrics`)).text();
    return Number(/^http_service_pending_requests\{listener="http"\} (\d+)$/m.exec(metrics)![1]);
  }

  post(path: string, json: unknown, headers: OutgoingHttpHeaders = {}) {
    return this.ask(`POST ${path}`, { body: JSON.stringify(json), headers });
  }

  /** The last event of the run, and those before it by their type. */
  async lastEvent(workflowId = "w"): Promise<history.HistoryEvent> {
    const page = await this.grpc("GetWorkflowExecutionHistory", { namespace, execution: { workflowId } });
    const isEnd = /^ACTIVITY_TASK_(COMPLETED|FAILED|CANCELED)$/;
    const names = new Map<number, string>(Object.entries(enums.EventType).map(([name, type]) => [type, name]));
    return history.History.decode(page.history!).events.findLast(({ eventType }) => isEnd.test(names.get(eventType)!))!;
  }

  stop(): Promise<void> {
    this.#client[Symbol.dispose]();
    return this.#server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
