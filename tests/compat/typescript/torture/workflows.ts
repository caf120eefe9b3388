/** The workflow of the torture test: steps with effects, signals that must all arrive, and one activity that somebody else completes. */
import { condition, defineSignal, proxyActivities, setHandler, sleep } from "@temporalio/workflow";
import type { Activities } from "./activities.ts";

export interface Order {
  readonly steps: number;
  readonly signals: number;
}

export interface Receipt {
  readonly effects: readonly string[];
  /** In the order in which they arrived. */
  readonly signals: readonly number[];
  readonly approval: string;
}

export const bump = defineSignal<[number]>("bump");

const { apply, approve } = proxyActivities<Activities>({
  startToCloseTimeout: "20s",
  retry: { initialInterval: "100ms", maximumInterval: "1s" },
});

export async function torture({ steps, signals }: Order): Promise<Receipt> {
  const seen: number[] = [];
  setHandler(bump, (value) => void seen.push(value));
  const effects: string[] = [];
  for (let step = 0; step < steps; step++) effects.push(await apply(`step-${step}`));
  await sleep(50);
  effects.push(...(await Promise.all([apply("left"), apply("right")])));
  await condition(() => seen.length >= signals);
  const approval = await approve();
  effects.push(await apply("last"));
  return { effects, signals: seen, approval };
}
