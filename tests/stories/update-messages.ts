/** What a worker answers to the updates that a workflow task carries, as SDKs word it. */
import { type Codec, enums, type Init, type protocol, update } from "@pawl/protocol";
import { applicationFailure, type Command, text } from "./requests.ts";
import type { WorkflowTask } from "./story.ts";

export type Message = Init<protocol.Message>;

interface Answer {
  readonly commands: Command[];
  readonly messages: Message[];
}

/** What the worker does with an update: `accept` leaves it to a later task to complete it. */
export type Verdict = "accept" | "complete" | "reject";

/** Commands and messages that answer the updates of the task, each by its verdict. */
export function answerUpdates(task: Pick<WorkflowTask, "messages">, verdictOf: (updateId: string) => Verdict): Answer {
  const answer: Answer = { commands: [], messages: [] };
  for (const { id, protocolInstanceId, eventId, body } of task.messages) {
    const request = update.Request.decode(body!.value);
    const verdict = verdictOf(protocolInstanceId);
    const about = { id, eventId: eventId ?? 0, request };
    if (verdict === "reject") say(answer, rejection(protocolInstanceId, about));
    else say(answer, acceptance(protocolInstanceId, about));
    if (verdict === "complete") say(answer, completion(protocolInstanceId));
  }
  return answer;
}

/** What completes updates that an earlier task accepted. */
export function completeUpdates(updateIds: Iterable<string>): Answer {
  const answer: Answer = { commands: [], messages: [] };
  for (const updateId of updateIds) say(answer, completion(updateId));
  return answer;
}

/** The rejection goes without a command, as it leaves no trace in history. */
function say({ commands, messages }: Answer, message: Message): void {
  messages.push(message);
  if (message.id?.endsWith("/reject")) return;
  commands.push({
    commandType: enums.CommandType.PROTOCOL_MESSAGE,
    protocolMessageCommandAttributes: { messageId: message.id },
  });
}

export interface About {
  readonly id: string;
  readonly eventId: number;
  readonly request: update.Request | undefined;
}

export function acceptance(updateId: string, { id, eventId, request }: About): Message {
  return message(update.Acceptance, updateId, "accept", {
    acceptedRequestMessageId: id,
    acceptedRequestSequencingEventId: eventId,
    acceptedRequest: request,
  });
}

export function rejection(updateId: string, { id, eventId, request }: About): Message {
  return message(update.Rejection, updateId, "reject", {
    rejectedRequestMessageId: id,
    rejectedRequestSequencingEventId: eventId,
    rejectedRequest: request,
    failure: applicationFailure("rejected"),
  });
}

export function completion(updateId: string): Message {
  const meta = { updateId, identity: "client" };
  return message(update.Response, updateId, "complete", { meta, outcome: { success: text(`${updateId} done`) } });
}

export function message<T>(codec: Codec<T>, updateId: string, verb: string, value: Init<T>): Message {
  return {
    id: `${updateId}/${verb}`,
    protocolInstanceId: updateId,
    body: { type_url: `type.googleapis.com/${codec.typeName}`, value: codec.encode(value) },
  };
}
