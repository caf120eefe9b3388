/** Commands that name others by the ids of events: those that are there, and those that a worker can foresee. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, type Init, type protocol, update, workflowservice } from "@pawl/protocol";
import fc from "fast-check";
import { Rejection } from "../rejection.ts";
import type { StartedWorkflowTask } from "../vocabulary.ts";
import { applicationFailure, CachedWorkflow, type CommandInit, commands } from "../workflow/scripted-workflow.ts";

const { CommandType } = enums;

const pointer = (messageId: string): CommandInit => ({
  commandType: CommandType.PROTOCOL_MESSAGE,
  protocolMessageCommandAttributes: { messageId },
});

function message<T>(codec: { typeName: string; encode(value: Init<T>): Uint8Array }, body: Init<T>) {
  return {
    id: "answer",
    protocolInstanceId: "u",
    body: { type_url: `type.googleapis.com/${codec.typeName}`, value: codec.encode(body) },
  } satisfies Init<protocol.Message>;
}

const acceptance = message(update.Acceptance, {
  acceptedRequestMessageId: "u/request",
  acceptedRequestSequencingEventId: 5,
});
const rejection = message(update.Rejection, {
  rejectedRequestMessageId: "u/request",
  failure: applicationFailure("no"),
});

interface Foreseen {
  readonly task: StartedWorkflowTask;
  /** What comes before the command that schedules, and the messages that belong to it. */
  readonly before: readonly CommandInit[];
  readonly messages: readonly Init<protocol.Message>[];
  /** The id of the event by which the next command schedules. */
  readonly scheduledEventId: number;
}

/** In memory, since updates that wait for their task live there. */
function started(): CachedWorkflow {
  const workflow = new CachedWorkflow();
  workflow.start();
  return workflow;
}

function updated(workflow: CachedWorkflow): StartedWorkflowTask {
  workflow.complete(workflow.pollTask());
  const codec = workflowservice.UpdateWorkflowExecutionRequest;
  const request = codec.decode(codec.encode({ request: { meta: { updateId: "u" }, input: { name: "change" } } }));
  workflow.do({ type: "update", request });
  return workflow.pollTask();
}

const situations: readonly (readonly [string, (workflow: CachedWorkflow) => Foreseen])[] = [
  ["of a first attempt", (workflow) => ({ task: workflow.pollTask(), before: [], messages: [], scheduledEventId: 5 })],
  [
    "behind another command",
    (workflow) => ({
      ...{ task: workflow.pollTask(), before: [commands.marker("m")], messages: [], scheduledEventId: 6 },
    }),
  ],
  [
    "of a second attempt, which was not written yet",
    (workflow) => {
      workflow.failTask(workflow.pollTask());
      return { task: workflow.pollTask(), before: [], messages: [], scheduledEventId: 8 };
    },
  ],
  [
    "behind an accepted update, whose task was not written yet",
    (workflow) => ({
      ...{ task: updated(workflow), before: [pointer("answer")], messages: [acceptance], scheduledEventId: 9 },
    }),
  ],
  [
    "behind a rejected update, which writes nothing",
    (workflow) => ({
      ...{ task: updated(workflow), before: [pointer("answer")], messages: [rejection], scheduledEventId: 8 },
    }),
  ],
];

for (const [situation, prepare] of situations) {
  for (const [what, schedule, cancel] of [
    ["an activity", commands.activity("a"), commands.cancelActivity],
    ["a Nexus operation", commands.nexus(), commands.cancelNexus],
  ] as const) {
    test(`${what} is cancelled by the completion that schedules it: ${situation}`, () => {
      for (const offset of [0, 1, -1, 100]) {
        const workflow = started();
        const { task, before, messages, scheduledEventId } = prepare(workflow);
        const cancelling = cancel(scheduledEventId + offset);
        const reply = workflow.complete(task, [...before, schedule, cancelling], { messages });
        assert(!(reply instanceof Rejection) || offset !== 0);
        // A second attempt that is wrong is left to time out, so its refusal is an answer of its own.
        const isRefused = reply instanceof Rejection || reply.refused !== undefined;
        assert.equal(isRefused, offset !== 0, `${offset} from the event that schedules`);
      }
    });
  }
}

// The driver checks every history: no cancellation is about what is not pending.
test("whatever ids a worker names, history only tells of cancelling what there was", () => {
  const one = fc.oneof(
    fc.constant("marker" as const),
    fc.constant("activity" as const),
    fc.constant("nexus" as const),
    fc.record({
      cancel: fc.constantFrom("activity" as const, "nexus" as const),
      eventId: fc.integer({ min: 1, max: 25 }),
    }),
  );
  const turn = fc.record({ fails: fc.boolean(), asked: fc.array(one, { maxLength: 6 }) });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 6 }), (turns) => {
      const workflow = started();
      let ids = 0;
      for (const { fails, asked } of turns) {
        workflow.tasks = workflow.tasks.filter(({ kind }) => kind === "workflow");
        if (workflow.tasks.length === 0) workflow.signal("on");
        if (fails && workflow.run().workflowTask.type === "scheduled") workflow.failTask(workflow.pollTask());
        const task = workflow.pollTask();
        const reply = workflow.complete(
          task,
          asked.map((wanted) => {
            if (wanted === "marker") return commands.marker("m");
            if (wanted === "activity") return commands.activity(`a${++ids}`);
            if (wanted === "nexus") return commands.nexus();
            return wanted.cancel === "nexus"
              ? commands.cancelNexus(wanted.eventId)
              : commands.cancelActivity(wanted.eventId);
          }),
        );
        if (reply instanceof Rejection) workflow.failTask(task);
      }
    }),
    { numRuns: 300 },
  );
});
