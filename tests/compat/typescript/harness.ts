/** What every scenario is given, and how it says what it expects. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Client, WorkflowHandle } from "@temporalio/client";
import proto from "@temporalio/proto";
import type { NativeConnection, WorkflowBundleOption } from "@temporalio/worker";

export class Context {
  readonly name: string;
  readonly address: string;
  readonly client: Client;
  /** The connection of the shared worker. */
  readonly connection: NativeConnection;
  /** The bundle of `workflows.ts`, made once. */
  readonly workflowBundle: WorkflowBundleOption;
  /** The queue of the shared worker. */
  readonly taskQueue: string;
  readonly workflowIds: string[] = [];

  constructor(name: string, shared: Shared) {
    this.name = name;
    this.address = shared.address;
    this.client = shared.client;
    this.connection = shared.connection;
    this.workflowBundle = shared.workflowBundle;
    this.taskQueue = shared.taskQueue;
  }

  newId(suffix = ""): string {
    const workflowId = `typescript-${this.name}${suffix}-${randomUUID()}`;
    this.workflowIds.push(workflowId);
    return workflowId;
  }

  /** Says that the workflows so far have started, and what tokens there are; goes on when whoever runs this says so with a line. */
  async announce(taskTokens: readonly Uint8Array[] = []): Promise<void> {
    const tokens = taskTokens.map((token) => Buffer.from(token).toString("base64"));
    console.log(JSON.stringify({ scenario: this.name, running: true, workflows: this.workflowIds, tokens }));
    await once(process.stdin, "data");
    process.stdin.pause();
  }
}

export type Shared = Pick<Context, "address" | "client" | "connection" | "workflowBundle" | "taskQueue">;
export type Scenario = (context: Context) => Promise<void>;

type ErrorClass<T> = abstract new (...args: never[]) => T;

/** The error that `promise` is rejected with, when it is of that class. */
export async function rejection<T>(errorClass: ErrorClass<T>, promise: Promise<unknown>): Promise<T> {
  const result = await promise.then(
    (value) => assert.fail(`expected ${errorClass.name}, got the result ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  return instance(errorClass, result);
}

/** The value, checked to be of that class. */
export function instance<T>(errorClass: ErrorClass<T>, value: unknown): T {
  assert.ok(value instanceof errorClass, `${value} is no ${errorClass.name}`);
  return value;
}

const pollMs = 50;

export async function eventually(
  check: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 180_000,
): Promise<void> {
  const giveUp = performance.now() + withinMs;
  while (!(await check())) {
    assert.ok(performance.now() < giveUp, `not within ${withinMs} ms: ${what}`);
    await delay(pollMs);
  }
}

export type Event = NonNullable<Awaited<ReturnType<WorkflowHandle["fetchHistory"]>>["events"]>[number];

/** The whole history; event ids are checked to be 1..n. */
export async function eventsOf(handle: WorkflowHandle): Promise<Event[]> {
  const events = (await handle.fetchHistory()).events ?? [];
  assert.deepEqual(
    events.map(({ eventId }) => Number(eventId)),
    events.map((_, index) => index + 1),
  );
  return events;
}

export function namesOf(events: readonly Event[]): string[] {
  return events.map(({ eventType }) =>
    proto.temporal.api.enums.v1.EventType[eventType ?? 0]!.replace("EVENT_TYPE_", ""),
  );
}

export function count(events: readonly Event[], name: string): number {
  return namesOf(events).filter((each) => each === name).length;
}

/** The one event of that name. */
export function one(events: readonly Event[], name: string): Event {
  assert.equal(count(events, name), 1, `number of ${name} events`);
  return events[namesOf(events).indexOf(name)]!;
}

export function timeMs({ eventTime }: Event): number {
  return Number(eventTime?.seconds) * 1_000 + Number(eventTime?.nanos) / 1_000_000;
}
