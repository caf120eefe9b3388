/**
 * What a process holds when it rests. Loaded into each of its threads (`--import`), those of an SDK too, so that garbage is collected in all of them; needs `--expose-gc`.
 * As for a system short of memory: the engine also gives back what it only holds for its next objects, which grows with what a process has done, not with what it keeps.
 */
import { setTimeout as delay } from "node:timers/promises";
import { BroadcastChannel, isMainThread } from "node:worker_threads";

const collect = () => void globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
const channel = new BroadcastChannel("bench rest");
if (!isMainThread) channel.onmessage = collect;
channel.unref();

const collectedWithinMs = 2_000;

/** Resident bytes of the process without what is only waiting to be collected. */
export async function rest(): Promise<number> {
  channel.postMessage("collect");
  await delay(collectedWithinMs);
  collect();
  return process.memoryUsage.rss();
}
