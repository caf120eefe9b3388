/** Code that waits in several places at once; the test finds the lines by their text. */
import {
  condition,
  defineSignal,
  defineUpdate,
  log,
  proxyActivities,
  setHandler,
  sleep,
  Trigger,
} from "@pawl/sdk/workflow";

export const release = defineSignal("release");
export const hold = defineSignal("hold");
export const ask = defineUpdate<void>("ask");

const { never } = proxyActivities<{ never(): Promise<void> }>({ startToCloseTimeout: "1 hour", taskQueue: "nobody" });

export async function waitsInPlaces(): Promise<void> {
  log.info("the workflow has begun");
  const released = new Trigger<void>();
  let isDone = false;
  setHandler(release, () => released.resolve());
  setHandler(hold, async () => {
    await condition(() => isDone); // in the signal's handler
  });
  setHandler(ask, async () => {
    await never(); // in the update's handler
  });
  void aside();
  await released; // the trigger
  await new Steps().first(); // the steps
  isDone = true;
}

async function aside(): Promise<void> {
  await sleep("1 second"); // over at the first
  await Promise.all([sleep("1 day"), condition(() => false, "2 days")]); // both
}

class Steps {
  async first(): Promise<void> {
    await sleep(1); // over at once
    await this.second(); // from the first
  }

  async second(): Promise<void> {
    const waiting = sleep("3 days");
    await Promise.resolve();
    await waiting; // in the second
  }
}

export async function waitsForNothing(): Promise<void> {
  await sleep(1);
}
