/** A server in small, for the tests of replay: writes the history that a run's commands make, and ends what they began in an order of its own. */
import { enums, history, type Init, type update } from "@pawl/protocol";
import type { WireCommand } from "./wire-command.ts";

const { EventType } = enums;
type Event = history.HistoryEvent;
type Attributes = Partial<Init<Event>>;

/** What is open, and the event that would end it. */
type Open = () => [enums.EventType, Attributes];

export class HistoryModel {
  readonly events: Event[] = [];
  #open: Open[] = [];
  #buffered: [enums.EventType, Attributes][] | undefined;
  isClosed = false;

  constructor(input: readonly unknown[] = []) {
    const payloads = input.map((value) => ({ data: new TextEncoder().encode(JSON.stringify(value)) }));
    this.#add(EventType.WORKFLOW_EXECUTION_STARTED, {
      workflowExecutionStartedEventAttributes: {
        workflowType: { name: "test" },
        input: { payloads },
        originalExecutionRunId: "run",
      },
    });
    this.#add(EventType.WORKFLOW_TASK_SCHEDULED, { workflowTaskScheduledEventAttributes: {} });
  }

  get openCount(): number {
    return this.#open.length;
  }

  get lastEventId(): number {
    return this.events.length;
  }

  /** Returns the id of the task's event. */
  startTask(): number {
    if (this.events.at(-1)?.eventType !== EventType.WORKFLOW_TASK_SCHEDULED && !this.#isScheduled()) {
      this.#add(EventType.WORKFLOW_TASK_SCHEDULED, { workflowTaskScheduledEventAttributes: {} });
    }
    const attributes = { workflowTaskStartedEventAttributes: { historySizeBytes: this.events.length * 100 } };
    const { eventId } = this.#add(EventType.WORKFLOW_TASK_STARTED, attributes);
    this.#buffered = [];
    return eventId;
  }

  failTask(): void {
    this.#add(EventType.WORKFLOW_TASK_FAILED, { workflowTaskFailedEventAttributes: {} });
    this.#flush();
  }

  completeTask(commands: readonly WireCommand[]): void {
    this.#add(EventType.WORKFLOW_TASK_COMPLETED, { workflowTaskCompletedEventAttributes: {} });
    for (const command of commands) this.#command(command);
    this.#flush();
  }

  signal(signalName: string): void {
    this.#news(EventType.WORKFLOW_EXECUTION_SIGNALED, { workflowExecutionSignaledEventAttributes: { signalName } });
  }

  cancel(): void {
    this.#news(EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED, {
      workflowExecutionCancelRequestedEventAttributes: { cause: "test" },
    });
  }

  /** As a reset carries an update over to the run that it begins. */
  admitUpdate(request: Init<update.Request>): void {
    const origin = enums.UpdateAdmittedEventOrigin.REAPPLY;
    this.#news(EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED, {
      workflowExecutionUpdateAdmittedEventAttributes: { request, origin },
    });
  }

  /** Of an admitted update: its request is in history already. */
  acceptUpdate(protocolInstanceId: string): void {
    this.#add(EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED, {
      workflowExecutionUpdateAcceptedEventAttributes: { protocolInstanceId },
    });
  }

  /** Ends the thing at this place of what is open. */
  end(at: number): void {
    const [open] = this.#open.splice(at % this.#open.length, 1);
    if (open) this.#news(...open());
  }

  #isScheduled(): boolean {
    const last = this.events.findLast(({ eventType }) => eventType >= 5 && eventType <= 9);
    return last?.eventType === EventType.WORKFLOW_TASK_SCHEDULED;
  }

  #flush(): void {
    const buffered = this.#buffered ?? [];
    this.#buffered = undefined;
    for (const [type, attributes] of buffered) this.#add(type, attributes);
  }

  #news(type: enums.EventType, attributes: Attributes): void {
    if (this.#buffered) this.#buffered.push([type, attributes]);
    else this.#add(type, attributes);
  }

  #add(eventType: enums.EventType, attributes: Attributes): Event {
    const eventId = this.events.length + 1;
    const eventTime = { seconds: 1_700_000_000 + eventId, nanos: 0 };
    const event = { eventId, eventTime, eventType, ...attributes };
    // Through the codec, so that it is what a worker gets.
    this.events.push(history.HistoryEvent.decode(history.HistoryEvent.encode(event)));
    return this.events.at(-1)!;
  }

  #command(command: WireCommand): void {
    const { CommandType } = enums;
    switch (command.commandType) {
      case CommandType.SCHEDULE_ACTIVITY_TASK: {
        const { eventId: scheduledEventId } = this.#add(EventType.ACTIVITY_TASK_SCHEDULED, {
          activityTaskScheduledEventAttributes: command.scheduleActivityTaskCommandAttributes as never,
        });
        this.#open.push(() => [
          EventType.ACTIVITY_TASK_COMPLETED,
          { activityTaskCompletedEventAttributes: { scheduledEventId } },
        ]);
        return;
      }
      case CommandType.START_TIMER: {
        const { timerId = "" } = command.startTimerCommandAttributes ?? {};
        this.#add(EventType.TIMER_STARTED, { timerStartedEventAttributes: { timerId } });
        this.#open.push(() => [EventType.TIMER_FIRED, { timerFiredEventAttributes: { timerId } }]);
        return;
      }
      case CommandType.START_CHILD_WORKFLOW_EXECUTION: {
        const attributes = command.startChildWorkflowExecutionCommandAttributes as never;
        const initiated = this.#add(EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED, {
          startChildWorkflowExecutionInitiatedEventAttributes: attributes,
        });
        this.#openChild(initiated.eventId);
        return;
      }
      case CommandType.SCHEDULE_NEXUS_OPERATION: {
        const { eventId: scheduledEventId } = this.#add(EventType.NEXUS_OPERATION_SCHEDULED, {
          nexusOperationScheduledEventAttributes: command.scheduleNexusOperationCommandAttributes as never,
        });
        this.#openNexusOperation(scheduledEventId);
        return;
      }
      case CommandType.RECORD_MARKER:
        this.#add(EventType.MARKER_RECORDED, {
          markerRecordedEventAttributes: command.recordMarkerCommandAttributes as never,
        });
        return;
      case CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: {
        const attributes = command.upsertWorkflowSearchAttributesCommandAttributes as never;
        this.#add(EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, {
          upsertWorkflowSearchAttributesEventAttributes: attributes,
        });
        return;
      }
      case CommandType.COMPLETE_WORKFLOW_EXECUTION:
        this.#add(EventType.WORKFLOW_EXECUTION_COMPLETED, { workflowExecutionCompletedEventAttributes: {} });
        this.isClosed = true;
        return;
      default:
        throw new RangeError(`the model knows no command of type ${command.commandType}`);
    }
  }

  #openNexusOperation(scheduledEventId: number): void {
    this.#open.push(() => {
      this.#open.push(() => [
        EventType.NEXUS_OPERATION_COMPLETED,
        { nexusOperationCompletedEventAttributes: { scheduledEventId } },
      ]);
      return [
        EventType.NEXUS_OPERATION_STARTED,
        { nexusOperationStartedEventAttributes: { scheduledEventId, operationToken: "token" } },
      ];
    });
  }

  #openChild(initiatedEventId: number): void {
    const workflowExecution = { workflowId: "child", runId: "child-run" };
    this.#open.push(() => {
      this.#open.push(() => [
        EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED,
        { childWorkflowExecutionCompletedEventAttributes: { initiatedEventId, workflowExecution } },
      ]);
      return [
        EventType.CHILD_WORKFLOW_EXECUTION_STARTED,
        { childWorkflowExecutionStartedEventAttributes: { initiatedEventId, workflowExecution } },
      ];
    });
  }
}
