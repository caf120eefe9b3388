/** Workflows that nobody who makes inputs knows of: whatever arrives, their histories stay as they are. */
import { randomUUID } from "node:crypto";
import { enums, workflowservice } from "@pawl/protocol";
import type { Caller } from "./caller.ts";
import { ask } from "./traffic.ts";

const namespace = "default";
const hour = { seconds: 3_600 };

/** A workflow in each of several states. */
export class Witnesses {
  readonly #ids: readonly string[];
  readonly #caller: Caller;

  private constructor(caller: Caller, ids: readonly string[]) {
    this.#caller = caller;
    this.#ids = ids;
  }

  static async make(caller: Caller): Promise<Witnesses> {
    const taskQueue = { name: `queue-${randomUUID()}` };
    const start = async (state: string) => {
      const workflowId = `${state}-${randomUUID()}`;
      const workflowType = { name: "Witness" };
      await ask(caller, "StartWorkflowExecution", {
        namespace,
        workflowId,
        workflowType,
        taskQueue,
        workflowTaskTimeout: hour,
        requestId: randomUUID(),
      });
      return workflowId;
    };
    const answer = async (
      commands: Parameters<typeof workflowservice.RespondWorkflowTaskCompletedRequest.encode>[0]["commands"],
    ) => {
      const { taskToken } = await ask(caller, "PollWorkflowTaskQueue", { namespace, taskQueue });
      await ask(caller, "RespondWorkflowTaskCompleted", { namespace, taskToken, commands });
    };
    const { SCHEDULE_ACTIVITY_TASK, START_TIMER, COMPLETE_WORKFLOW_EXECUTION } = enums.CommandType;
    const pending = await start("pending");
    await answer([
      {
        commandType: SCHEDULE_ACTIVITY_TASK,
        scheduleActivityTaskCommandAttributes: {
          activityId: "1",
          activityType: { name: "Wait" },
          taskQueue,
          scheduleToCloseTimeout: hour,
        },
      },
      { commandType: START_TIMER, startTimerCommandAttributes: { timerId: "1", startToFireTimeout: hour } },
    ]);
    const completed = await start("completed");
    await answer([{ commandType: COMPLETE_WORKFLOW_EXECUTION, completeWorkflowExecutionCommandAttributes: {} }]);
    const started = await start("started");
    await ask(caller, "PollWorkflowTaskQueue", { namespace, taskQueue });
    await ask(caller, "SignalWorkflowExecution", {
      namespace,
      workflowExecution: { workflowId: started },
      signalName: "buffered",
    });
    const terminated = await start("terminated");
    await ask(caller, "TerminateWorkflowExecution", {
      namespace,
      workflowExecution: { workflowId: terminated },
      reason: "done",
    });
    return new Witnesses(caller, [pending, completed, started, terminated, await start("new")]);
  }

  /** Each history as the bytes in which the server sends it. */
  async histories(caller: Caller = this.#caller): Promise<Readonly<Record<string, string>>> {
    const entries = this.#ids.map(async (workflowId) => {
      const answer = await ask(caller, "GetWorkflowExecutionHistory", { namespace, execution: { workflowId } });
      const bytes = workflowservice.GetWorkflowExecutionHistoryResponse.encode(answer);
      return [workflowId, Buffer.from(bytes).toString("hex")] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }
}
