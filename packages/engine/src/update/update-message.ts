import { type Init, type protocol, update } from "@pawl/protocol";
import type { Run } from "../state/run.ts";

const typeUrl = (name: string) => `type.googleapis.com/${name}`;

export interface SendOptions {
  /** For a worker that has the updates of the task before and is still at work on them. */
  readonly onlyNew?: boolean;
}

/** The updates that go with a workflow task that has just been started, in the order of their admission. */
export function sendUpdates(run: Run, startedEventId: number, { onlyNew }: SendOptions): Init<protocol.Message>[] {
  const messages: Init<protocol.Message>[] = [];
  for (const [updateId, known] of run.updates) {
    if (known.status !== "admitted" && (onlyNew || known.status !== "sent")) continue;
    run.updates.set(updateId, { ...known, status: "sent" });
    messages.push({
      id: `${updateId}/request`,
      protocolInstanceId: updateId,
      eventId: startedEventId - 1,
      body: { type_url: typeUrl(update.Request.typeName), value: update.Request.encode(known.request) },
    });
  }
  return messages;
}
