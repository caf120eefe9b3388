/** Workflows that do one of each, under interceptors that leave their mark on it. */
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  log,
  metricMeter,
  proxyActivities,
  proxyLocalActivities,
  proxySinks,
  setHandler,
  sleep,
  startChild,
} from "@pawl/sdk/workflow";
import type { JournalSinks } from "./journal.ts";

interface Activities {
  echo(text: string): Promise<string>;
}

const { echo } = proxyActivities<Activities>({ startToCloseTimeout: "10 seconds" });
const local = proxyLocalActivities<Activities>({ startToCloseTimeout: "10 seconds" });
const { journal } = proxySinks<JournalSinks>();

export const poke = defineSignal<[string]>("poke");
export const seen = defineQuery<string[], [string]>("seen");
export const change = defineUpdate<string, [string]>("change");

export async function child(text: string): Promise<string> {
  let poked = "";
  setHandler(poke, (by) => {
    poked = by;
  });
  await condition(() => poked !== "");
  return `${text}, ${poked}`;
}

export async function oneOfEach(isSecond = false): Promise<string[]> {
  const got: string[] = [];
  setHandler(poke, (text) => {
    got.push(text);
  });
  setHandler(seen, (text) => [...got, text]);
  setHandler(
    change,
    (text) => {
      got.push(text);
      return text;
    },
    {
      validator: (text) => {
        if (text.includes("bad")) throw new Error(`refused: ${text}`);
      },
    },
  );
  if (!isSecond) return await continueAsNew<typeof oneOfEach>(true);
  got.push(await echo("activity"), await local.echo("local"));
  const handle = await startChild(child, { args: ["child"] });
  await handle.signal(poke, "parent");
  got.push(await handle.result());
  await sleep(5);
  await condition(() => got.some((text) => text.startsWith("update")));
  return got;
}

export async function talks(): Promise<void> {
  log.info("first", { own: 1 });
  metricMeter.createCounter("talks").add(2, { extra: "yes" });
  await journal.note("before", { deep: [1] });
  await echo("between");
  log.info("second");
  await journal.note("after", {});
  journal.always("after");
  await sleep(1);
}
