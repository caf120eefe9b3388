/** What workers say of updates and cannot mean: the refusal, the failed workflow task, and that the run and its update go on with a worker that is mended. */
import { enums, type Init, type RequestOf, update } from "@pawl/protocol";
import { goOn } from "./going-on.ts";
import { applicationFailure, type Command, complete, text, timer } from "./requests.ts";
import { type Play, type Story, story, type WorkflowTask } from "./story.ts";
import {
  type About,
  acceptance,
  answerUpdates,
  completion,
  type Message,
  message,
  rejection,
} from "./update-messages.ts";
import { admitted } from "./update-stories.ts";

const { ACCEPTED, COMPLETED } = enums.UpdateWorkflowExecutionLifecycleStage;
const otherRun = "8f9b64c0-6a5e-4d1e-9d3d-2f0c6f4f0001";
const long = "x".repeat(1_001);

/** What a worker answers to the update `u`, which came with its task. */
type Wrong = (about: About) => readonly [messages: readonly Message[], commands?: readonly Command[]];

const outcome = { success: text("done") };
const meta = { updateId: "u", identity: "client" };

function pointers(...messages: readonly Message[]): Command[] {
  return messages.map(({ id }) => ({
    commandType: enums.CommandType.PROTOCOL_MESSAGE,
    protocolMessageCommandAttributes: { messageId: id },
  }));
}

const accepted = (about: About, more: Init<update.Acceptance> = {}): Message =>
  message(update.Acceptance, "u", "accept", {
    acceptedRequestMessageId: about.id,
    acceptedRequestSequencingEventId: about.eventId,
    acceptedRequest: about.request,
    ...more,
  });
const rejected = (about: About, more: Init<update.Rejection> = {}): Message =>
  message(update.Rejection, "u", "reject", {
    rejectedRequestMessageId: about.id,
    rejectedRequestSequencingEventId: about.eventId,
    rejectedRequest: about.request,
    failure: applicationFailure("no"),
    ...more,
  });
const responded = (more: Init<update.Response> = {}): Message =>
  message(update.Response, "u", "complete", { meta, outcome, ...more });

const told = (...messages: readonly Message[]) => [messages, pointers(...messages)] as const;

export const badMessageStories: readonly Story[] = [
  wrong("body", "messages of workers that cannot be read", [
    ["a body of an unknown type", (about) => told({ ...acceptance("u", about), body: { type_url: "x/y.Z" } })],
    ["a request", (about) => told({ ...message(update.Request, "u", "request", about.request) })],
    [
      "bytes that are no message",
      (about) => {
        const { body } = acceptance("u", about);
        return told({ ...acceptance("u", about), body: { ...body, value: Buffer.from([0xff, 0xff]) } });
      },
    ],
    ["no id", (about) => told({ ...acceptance("u", about), id: "" })],
    ["a command without an id", (about) => [[acceptance("u", about)], pointers({ id: "" })]],
    ["a command for a message that is not there", (about) => [[acceptance("u", about)], pointers({ id: "x" })]],
  ]),

  wrong("protocol", "messages of workers for an unknown protocol instance", [
    ["no instance", (about) => told({ ...acceptance("u", about), protocolInstanceId: "" })],
    ["the rejection of an unknown one", (about) => told(rejection("nobody", about))],
    [
      "the rejection of an unknown one without its request",
      (about) => told(rejection("nobody", { ...about, request: undefined })),
    ],
    ["the response of an unknown one", () => told(completion("nobody"))],
    [
      "an acceptance without its request",
      (about) =>
        told(
          message(update.Acceptance, "nobody", "accept", {
            acceptedRequestMessageId: about.id,
            acceptedRequestSequencingEventId: about.eventId,
          }),
        ),
    ],
  ]),

  wrong("fields", "messages of workers that lack something", [
    ["an acceptance without the message", (about) => told(accepted(about, { acceptedRequestMessageId: "" }))],
    [
      "an acceptance of another message",
      (about) => told(accepted(about, { acceptedRequestMessageId: "x" }), responded()),
    ],
    [
      "an acceptance without a sequencing id",
      (about) => told(accepted(about, { acceptedRequestSequencingEventId: 0 })),
    ],
    ["a rejection without the message", (about) => told(rejected(about, { rejectedRequestMessageId: "" }))],
    ["a rejection without a sequencing id", (about) => told(rejected(about, { rejectedRequestSequencingEventId: 0 }))],
    ["a rejection without a failure", (about) => told(rejected(about, { failure: undefined }))],
    ["a response without an outcome", (about) => told(accepted(about), responded({ outcome: undefined }))],
    ["a response without a value", (about) => told(accepted(about), responded({ outcome: {} }))],
  ]),

  wrong("order", "messages of workers in an order that cannot be", [
    ["a response before the acceptance", (about) => told(responded(), accepted(about))],
    ["a response without an acceptance", () => told(responded())],
    ["an acceptance twice", (about) => told(accepted(about), { ...accepted(about), id: "again" })],
    ["a response twice", (about) => told(accepted(about), responded(), { ...responded(), id: "again" })],
    ["a rejection after the acceptance", (about) => told(accepted(about), rejected(about))],
    ["a rejection twice", (about) => told(rejected(about), { ...rejected(about), id: "again" })],
    ["an acceptance after the rejection", (about) => told(rejected(about), accepted(about))],
    ["a response after the rejection", (about) => told(rejected(about), responded())],
    ["a sequencing id of an event to come", (about) => told({ ...accepted(about), eventId: 100 })],
    ["a sequencing id of a command to come", (about) => told({ ...accepted(about), commandIndex: 9 })],
    [
      "another sequencing id in the acceptance",
      (about) => told(accepted(about, { acceptedRequestSequencingEventId: 77 }), responded()),
    ],
  ]),

  story("bad-update-requests", "updates that are refused before a worker hears of them", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    const rows: readonly (readonly [string, Init<RequestOf<"UpdateWorkflowExecution">>])[] = [
      ["no namespace", { namespace: "" }],
      ["no execution", { workflowExecution: undefined }],
      ["no workflow id", { workflowExecution: { workflowId: "" } }],
      ["a run id that is none", { workflowExecution: { workflowId: s.name, runId: "x" } }],
      ["the run id of another workflow", { workflowExecution: { workflowId: s.name, runId: otherRun } }],
      ["no request", { request: undefined }],
      ["no input", { request: { meta } }],
      ["no name", { request: { meta, input: { name: "", args: text(1) } } }],
      ["a long id", { request: { meta: { ...meta, updateId: long }, input: { name: "change" } } }],
      ["waiting for the admission", { waitPolicy: { lifecycleStage: 1 } }],
      ["a first run id that is none", { firstExecutionRunId: "x" }],
    ];
    for (const [rule, fields] of rows) {
      s.note("rule", rule);
      await s.attempt("UpdateWorkflowExecution", { ...updateOf(s.name), ...fields });
    }
    const workflowExecution = { workflowId: s.name };
    for (const [rule, updateRef] of [
      ["no reference", undefined],
      ["no execution", { updateId: "u" }],
      ["no update id", { workflowExecution }],
      ["a long update id", { workflowExecution, updateId: long }],
      [
        "the run id of another workflow",
        { workflowExecution: { ...workflowExecution, runId: otherRun }, updateId: "u" },
      ],
      ["a run id that is none", { workflowExecution: { ...workflowExecution, runId: "x" }, updateId: "u" }],
      ["an unknown update", { workflowExecution, updateId: "nobody" }],
    ] as const) {
      s.note("rule", rule);
      await s.attempt("PollWorkflowExecutionUpdate", {
        namespace: "default",
        updateRef,
        waitPolicy: { lifecycleStage: COMPLETED },
      });
    }
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution });
  }),
];

function updateOf(workflowId: string): Init<RequestOf<"UpdateWorkflowExecution">> {
  return {
    namespace: "default",
    workflowExecution: { workflowId },
    waitPolicy: { lifecycleStage: ACCEPTED },
    request: { meta, input: { name: "change", args: text("u") } },
  };
}

/** Each row has a workflow of its own, whose update is answered wrongly, and then rightly. */
function wrong(name: string, sentence: string, rows: readonly (readonly [rule: string, wrong: Wrong])[]): Story {
  return story(`bad-message-${name}`, sentence, async (s) => {
    for (const [index, [rule, answer]] of rows.entries()) {
      s.note("rule", rule);
      const workflowId = `${s.name}-${index}`;
      const task = await asked(s, workflowId);
      const [messages, commands = []] = answer(aboutOf(task));
      const request = s.completeRequest(task, [...commands], { messages: [...messages] });
      if (await s.attempt("RespondWorkflowTaskCompleted", request)) continue;
      const rightly = (next: WorkflowTask) => {
        const right = answerUpdates(next, () => "complete");
        return [[...right.commands, complete()], { messages: right.messages }] as const;
      };
      // The update was given up with the failed task.
      await goOn(s, workflowId, task, rightly, () => askFor(s, workflowId));
    }
  });
}

/** The task that brings the update `u` to a worker. */
async function asked(s: Play, workflowId: string): Promise<WorkflowTask> {
  await s.start({ workflowId, taskQueue: { name: workflowId } });
  await s.complete(await s.workflowTask(workflowId), [timer("t", 60)]);
  await askFor(s, workflowId);
  return s.workflowTask(workflowId);
}

async function askFor(s: Play, workflowId: string): Promise<void> {
  void s.unrecorded("UpdateWorkflowExecution", updateOf(workflowId)).catch(() => undefined);
  await admitted(s, "u", workflowId);
}

function aboutOf({ messages: [first] }: WorkflowTask): About {
  if (!first) throw new Error("the task has no message");
  return { id: first.id, eventId: first.eventId ?? 0, request: update.Request.decode(first.body!.value) };
}
