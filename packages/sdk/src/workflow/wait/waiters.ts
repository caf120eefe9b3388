/** What workflow code waits for, and who is to be told of its end. */
import type { ChildStartOutcome, LocalActivityOutcome, Outcome } from "../../value/activation.ts";
import type { ProtoFailure } from "../../value/failure.ts";

/** The two ways in which something that workflow code waits for can end. */
export interface Waiter<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** What is known of a Nexus operation that goes on by itself. */
export interface NexusStarted {
  readonly scheduledEventId: number;
  readonly token: string | undefined;
}

/** How each kind of wait ends. */
export interface Waits {
  timer: Waiter<void>;
  activity: Waiter<Outcome>;
  localActivity: Waiter<LocalActivityOutcome>;
  childStart: Waiter<ChildStartOutcome>;
  child: Waiter<Outcome>;
  nexusStart: Waiter<NexusStarted>;
  nexus: Waiter<Outcome>;
  nexusCancel: Waiter<ProtoFailure | undefined>;
  externalSignal: Waiter<ProtoFailure | undefined>;
  externalCancel: Waiter<ProtoFailure | undefined>;
}

type ByKind = { [K in keyof Waits]?: Map<number, Waits[K]> };

/** By kind, and then by `seq`. A kind has a map from its first use on: a run that waits in a cache for days uses one or two of them. */
export class Waiters {
  readonly #kinds: ByKind = {};

  of<K extends keyof Waits>(kind: K): Map<number, Waits[K]> {
    const known: Map<number, Waits[K]> | undefined = this.#kinds[kind];
    if (known) return known;
    const made = new Map<number, Waits[K]>();
    this.#kinds[kind] = made as ByKind[K];
    return made;
  }
}
