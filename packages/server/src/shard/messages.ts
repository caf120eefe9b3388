/**
 * Carries messages between executions, of whatever kind. The sender keeps each until it has arrived, so nothing here needs to survive: after a restart the sender's
 * shard hands its messages over again, and receivers recognise what they have seen.
 *
 *   M1. Messages of one run to one execution arrive in the order in which they were sent.
 *   M2. A message is tried until it arrives or this process stops.
 */
import { type Delivery, type Effect, type ExecutionKey, type HostCommand, Rejection, receiverOf } from "@pawl/engine";
import type { Clock } from "../clock.ts";
import { insist } from "./insist.ts";

type SendEffect = Extract<Effect, { type: "send" }>;
type Submit = (key: ExecutionKey, command: HostCommand) => Promise<unknown>;

export class Messages {
  readonly #submit: Submit;
  readonly #clock: Clock;
  readonly #onFault: (what: string, error: unknown) => void;
  /** The last message under way on each line (M1). */
  readonly #lines = new Map<string, Promise<void>>();
  #closed = false;

  constructor(submit: Submit, clock: Clock, onFault: (what: string, error: unknown) => void) {
    this.#submit = submit;
    this.#clock = clock;
    this.#onFault = onFault;
  }

  carry(effect: SendEffect): void {
    const { kind, businessId } = receiverOf(effect.message);
    const line = `${effect.from.runId}/${kind}/${businessId}`;
    const before = this.#lines.get(line) ?? Promise.resolve();
    const carried = before.then(() => this.#deliver(effect));
    this.#lines.set(line, carried);
    carried
      .catch((error: unknown) => this.#onFault(`carry ${effect.message.type}`, error))
      .finally(() => {
        if (this.#lines.get(line) === carried) this.#lines.delete(line);
      });
  }

  close(): void {
    this.#closed = true;
  }

  async #deliver({ from, id, message }: SendEffect): Promise<void> {
    const receiver = { ...receiverOf(message), namespaceId: from.namespaceId };
    const reply = (await this.#insist(receiver, { type: "receive", message })) as Delivery | Rejection | undefined;
    if (reply === undefined) return;
    const delivery = reply instanceof Rejection ? ({ type: "refused", rejection: reply } as const) : reply;
    await this.#insist(from, { type: "delivered", runId: from.runId, messageId: id, delivery });
  }

  /** M2. */
  #insist(key: ExecutionKey, command: HostCommand): Promise<unknown> {
    return insist(() => this.#submit(key, command), {
      clock: this.#clock,
      isClosed: () => this.#closed,
      onFault: (error) => this.#onFault(command.type, error),
    });
  }
}
