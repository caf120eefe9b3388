/** Updates: requests that come with a workflow task beside its history, and the messages that answer them. */
import { type Init, type protocol, update } from "@pawl/protocol";
import type { Job, WorkflowCommand } from "../value/activation.ts";
import { wirePayloads } from "../value/wire.ts";
import { acceptanceId, rejectionId, responseId } from "./wire-command.ts";

export type WireMessage = Init<protocol.Message>;
type UpdateCommand = Extract<WorkflowCommand, { type: "acceptUpdate" | "rejectUpdate" | "completeUpdate" }>;

interface Incoming {
  readonly messageId: string;
  readonly sequencingEventId: number;
  readonly request: Init<update.Request>;
}

const typeUrl = (name: string) => `type.googleapis.com/temporal.api.update.v1.${name}`;

/** Holds each request until it is answered for the last time, and of one that is being worked on only what the answer needs. */
export class UpdateExchange {
  #incoming: Map<string, Incoming> | undefined;

  /** The job of a request that came with a live task; `undefined` for messages of other kinds. */
  receive({ id, protocolInstanceId, eventId = 0, body }: protocol.Message): Job | undefined {
    if (!body?.type_url.endsWith("temporal.api.update.v1.Request")) return undefined;
    const request = update.Request.decode(body.value);
    this.#take(protocolInstanceId, { messageId: id, sequencingEventId: eventId, request });
    return updateJob(protocolInstanceId, request, true);
  }

  /** The job of a request that is an event of the history, because a reset has carried the update over: no message comes with it. */
  receiveAdmitted(eventId: number, request: update.Request): Job {
    const id = request.meta?.updateId ?? "";
    this.#take(id, { messageId: `${id}/request`, sequencingEventId: eventId, request });
    return updateJob(id, request, true);
  }

  #take(id: string, incoming: Incoming): void {
    this.#incoming ??= new Map();
    this.#incoming.set(id, incoming);
  }

  answer(command: UpdateCommand): WireMessage {
    const incoming = this.#incoming?.get(command.id);
    if (command.type === "acceptUpdate" && incoming) {
      this.#incoming?.set(command.id, { ...incoming, request: { meta: incoming.request.meta } });
    } else this.#incoming?.delete(command.id);
    if (command.type === "completeUpdate") {
      const { outcome, id } = command;
      const result = outcome.status === "completed" && outcome.result ? [outcome.result] : [];
      const answered =
        outcome.status === "completed"
          ? { success: wirePayloads(result) ?? { payloads: [] } }
          : { failure: outcome.failure };
      // The request may have come in an earlier task, or in one that another worker answered.
      const meta = incoming?.request.meta ?? { updateId: id, identity: "" };
      const value = update.Response.encode({ meta, outcome: answered });
      return { id: responseId(id), protocolInstanceId: id, body: { type_url: typeUrl("Response"), value } };
    }
    const { messageId = "", sequencingEventId = 0, request } = incoming ?? {};
    if (command.type === "acceptUpdate") {
      const value = update.Acceptance.encode({
        acceptedRequestMessageId: messageId,
        acceptedRequestSequencingEventId: sequencingEventId,
        acceptedRequest: request,
      });
      return {
        ...{ id: acceptanceId(command.id), protocolInstanceId: command.id },
        body: { type_url: typeUrl("Acceptance"), value },
      };
    }
    const value = update.Rejection.encode({
      rejectedRequestMessageId: messageId,
      rejectedRequestSequencingEventId: sequencingEventId,
      rejectedRequest: request,
      failure: command.failure,
    });
    return {
      ...{ id: rejectionId(command.id), protocolInstanceId: command.id },
      body: { type_url: typeUrl("Rejection"), value },
    };
  }
}

export function updateJob(id: string, request: update.Request | undefined, validate: boolean): Job {
  const { name = "", args, header } = request?.input ?? {};
  return { type: "update", id, name, input: args?.payloads ?? [], headers: header?.fields ?? {}, validate };
}
