/** Durable timers: started by a command, fired by the clock or cancelled by a command. */
import { type command, durationMs, enums } from "@pawl/protocol";
import { happen, write } from "../run/history.ts";
import { type HistoryEventInit, isOpen, type Run } from "../state/run.ts";
import type { Step } from "../step.ts";
import { scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";

export function startTimer(
  run: Run,
  step: Step,
  attributes: command.StartTimerCommandAttributes,
  event: { completedEventId: number; userMetadata: HistoryEventInit["userMetadata"] },
): void {
  const startedEventId = write(run, step.nowMs, {
    eventType: enums.EventType.TIMER_STARTED,
    userMetadata: event.userMetadata,
    timerStartedEventAttributes: {
      timerId: attributes.timerId,
      startToFireTimeout: attributes.startToFireTimeout,
      workflowTaskCompletedEventId: event.completedEventId,
    },
  });
  run.timers.set(attributes.timerId, {
    timerId: attributes.timerId,
    startedEventId,
    fireAtMs: step.nowMs + durationMs(attributes.startToFireTimeout),
  });
  run.changes.parts.add(`t/${attributes.timerId}`);
}

/** The timer's due time has passed. */
export function fireTimer(run: Run, step: Step, timerId: string): void {
  const timer = run.timers.get(timerId);
  if (!isOpen(run) || !timer) return;
  forgetTimer(run, timerId);
  happen(run, step.nowMs, {
    eventType: enums.EventType.TIMER_FIRED,
    timerFiredEventAttributes: { timerId, startedEventId: timer.startedEventId },
  });
  scheduleWorkflowTask(run, step);
}

/** Cancels a timer that runs, or one whose firing is still buffered: then the firing never happened. */
export function cancelTimer(
  run: Run,
  step: Step,
  attributes: command.CancelTimerCommandAttributes,
  event: { completedEventId: number; identity: string },
): void {
  const { timerId } = attributes;
  const startedEventId = run.timers.get(timerId)?.startedEventId ?? takeBufferedFiring(run, timerId);
  if (startedEventId === undefined) throw new Error(`timer ${timerId} is not pending`);
  forgetTimer(run, timerId);
  write(run, step.nowMs, {
    eventType: enums.EventType.TIMER_CANCELED,
    timerCanceledEventAttributes: {
      timerId,
      startedEventId,
      workflowTaskCompletedEventId: event.completedEventId,
      identity: event.identity,
    },
  });
}

export function hasBufferedFiring(run: Run, timerId: string): boolean {
  return run.buffered.some((event) => event.timerFiredEventAttributes?.timerId === timerId);
}

function takeBufferedFiring(run: Run, timerId: string): number | undefined {
  const index = run.buffered.findIndex((event) => event.timerFiredEventAttributes?.timerId === timerId);
  if (index < 0) return undefined;
  const [event] = run.buffered.splice(index, 1);
  return event!.timerFiredEventAttributes!.startedEventId;
}

function forgetTimer(run: Run, timerId: string): void {
  run.timers.delete(timerId);
  run.changes.parts.add(`t/${timerId}`);
}
