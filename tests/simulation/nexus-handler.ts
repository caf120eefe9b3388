/** A service whose operations workflows call: it answers at once, or has a workflow of its own work on it. As unreliable as every other worker. */
import type { nexus, ResponseOf } from "@pawl/protocol";
import { applicationFailure, payload, text } from "../stories/requests.ts";
import { endpoint, taskQueue } from "./decision.ts";
import type { Network } from "./network.ts";
import type { OperationScript } from "./program.ts";
import type { World } from "./world.ts";

const pollTimeoutMs = 70_000;

export class NexusHandler {
  readonly #world: World;
  readonly #network: Network;
  readonly #name: string;

  constructor(world: World, network: Network, name: string) {
    this.#world = world;
    this.#network = network;
    this.#name = name;
  }

  start(): void {
    this.#world.spawn(this.#name, async () => {
      while (!this.#world.isOver) await this.#poll();
    });
  }

  async #poll(): Promise<void> {
    const { chance, faults } = this.#world;
    const request = { taskQueue: { name: endpoint }, identity: this.#name };
    const answer = await this.#network.call("PollNexusTaskQueue", request, { timeoutMs: pollTimeoutMs });
    if (answer.type !== "ok") return this.#world.sleep(chance.between(100, 1_000));
    const { taskToken, request: asked } = answer.response;
    if (taskToken.length === 0) return;
    if (chance.hits(faults.workerDies)) return this.#world.reached("worker dies");
    if (chance.hits(faults.workerIsLate)) await this.#world.sleep(chance.between(5_000, 30_000));
    if (asked?.cancelOperation) await this.#cancel(answer.response, asked.cancelOperation);
    else if (asked?.startOperation) await this.#begin(answer.response, asked.startOperation);
  }

  async #begin({ taskToken }: ResponseOf<"PollNexusTaskQueue">, asked: nexus.StartOperationRequest): Promise<void> {
    const { chance, faults } = this.#world;
    const script = JSON.parse(new TextDecoder().decode(asked.payload?.data)) as OperationScript;
    if (chance.hits(this.#world.isHealed ? 0 : script.refusals)) {
      const failure = { message: "later", nexusHandlerFailureInfo: { type: "UNAVAILABLE" } };
      await this.#network.call("RespondNexusTaskFailed", { taskToken, failure });
      return;
    }
    const startOperation = script.program ? await this.#startWorkflow(asked, script) : ended(asked, script);
    const times = chance.hits(faults.workerAnswersTwice) ? 2 : 1;
    for (let time = 0; time < times; time++)
      await this.#network.call("RespondNexusTaskCompleted", { taskToken, response: { startOperation } });
  }

  /** What works on it is known by the request that asked for it: asked again, there is one already. */
  async #startWorkflow(
    { requestId, callback, callbackHeader }: nexus.StartOperationRequest,
    { program, fails }: OperationScript,
  ) {
    const operationToken = `n-${requestId}`;
    const header = { ...callbackHeader, "nexus-operation-token": operationToken };
    await this.#network.insist("StartWorkflowExecution", {
      workflowId: operationToken,
      workflowType: { name: "T" },
      taskQueue: { name: taskQueue },
      input: text({ ...program, end: { type: fails ? "fail" : "complete" } }),
      requestId,
      identity: this.#name,
      workflowIdReusePolicy: 3,
      completionCallbacks: [{ nexus: { url: callback, header } }],
    });
    return { asyncSuccess: { operationToken } };
  }

  async #cancel(
    { taskToken }: ResponseOf<"PollNexusTaskQueue">,
    { operationToken }: nexus.CancelOperationRequest,
  ): Promise<void> {
    const workflowExecution = { workflowId: operationToken };
    const requestId = this.#world.chance.uuid();
    await this.#network.insist("RequestCancelWorkflowExecution", { workflowExecution, requestId, reason: "enough" });
    await this.#network.call("RespondNexusTaskCompleted", { taskToken, response: { cancelOperation: {} } });
  }
}

function ended({ operation }: nexus.StartOperationRequest, { fails }: OperationScript) {
  return fails ? { failure: applicationFailure("no") } : { syncSuccess: { payload: payload(operation) } };
}
