/** Workflows that nobody who makes inputs knows of: whatever arrives, their histories stay as they are. */
import { randomUUID } from "node:crypto";
import { enums, history, type workflowservice } from "@pawl/protocol";
import type { Caller } from "./caller.ts";
import { ask } from "./traffic.ts";

const namespace = "default";
const hour = { seconds: 3_600 };
/** Of the workflow whose task a worker holds: its start, and the task scheduled and started. */
const heldEvents = 3;
const { EventType } = enums;
/** The signal that was buffered is written then, and a task is scheduled anew. */
const ofTimeout: readonly number[] = [
  EventType.WORKFLOW_TASK_TIMED_OUT,
  EventType.WORKFLOW_EXECUTION_SIGNALED,
  EventType.WORKFLOW_TASK_SCHEDULED,
];

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

  /**
   * Each history as the bytes of its events. A worker has a workflow task for two minutes at most: what the end of that time adds to the workflow
   * whose worker says nothing is left out, because a slow machine takes longer for all the inputs.
   */
  async histories(caller: Caller = this.#caller): Promise<Readonly<Record<string, string>>> {
    const entries = this.#ids.map(async (workflowId) => {
      const answer = await ask(caller, "GetWorkflowExecutionHistory", { namespace, execution: { workflowId } });
      const { events } = history.History.decode(answer.history ?? new Uint8Array());
      const isHeld = workflowId.startsWith("started-");
      const kept = events.filter((event, at) => !isHeld || at < heldEvents || !ofTimeout.includes(event.eventType));
      return [workflowId, Buffer.from(history.History.encode({ events: kept })).toString("hex")] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }
}
