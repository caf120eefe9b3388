/** Workflows whose every way to the wire is looked at: which payloads leave, and in what form. */
import { defineSearchAttributeKey } from "@pawl/sdk/common";
import {
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";
import { Point } from "./point.ts";

const options = { startToCloseTimeout: "30 seconds", retry: { initialInterval: 10, maximumAttempts: 2 } } as const;
const { moved, resumed, refused } = proxyActivities<typeof activities>({ ...options, summary: "moves a point" });
const local = proxyLocalActivities<typeof activities>(options);

export const told = defineSignal<[Point]>("told");
export const where = defineQuery<Point>("where");
export const push = defineUpdate<Point, [Point]>("push");

export async function child(point: Point): Promise<Point> {
  return new Point(point.x + 1, point.y + 1);
}

/** Goes all the ways that a value can go. */
export async function everywhere(start: Point, isSecond = false): Promise<Point> {
  let at = start;
  const signals: Point[] = [];
  setHandler(told, (by) => {
    signals.push(by);
  });
  setHandler(where, () => at);
  setHandler(push, (by) => {
    at = at.plus(by);
    return at;
  });
  if (!isSecond) {
    upsertMemo({ secretMemo: at });
    return await continueAsNew<typeof everywhere>(at, true);
  }
  at = await moved(at);
  at = await local.moved(at);
  at = await executeChild(child, { args: [at], memo: { secretMemo: "of the child" }, staticSummary: "secret summary" });
  at = at.plus(await resumed());
  await sleep(1, { summary: "secret timer" });
  await condition(() => signals.length > 0);
  return signals.reduce((sum, by) => sum.plus(by), at);
}

export async function failing(): Promise<void> {
  try {
    await refused(new Point(1, 2));
  } catch (error) {
    throw ApplicationFailure.create({ message: "secret end", cause: error as Error, details: [new Point(3, 4)] });
  }
}

export async function attributes(): Promise<unknown> {
  const text = defineSearchAttributeKey("CustomKeywordField", "KEYWORD");
  const count = defineSearchAttributeKey("CustomIntField", "INT");
  const before = workflowInfo().typedSearchAttributes;
  upsertSearchAttributes([
    { key: text, value: "changed" },
    { key: count, value: null },
  ]);
  const after = workflowInfo().typedSearchAttributes;
  await sleep(1);
  return { before: [before.get(text), before.get(count)], after: [after.get(text), after.get(count) ?? "none"] };
}
