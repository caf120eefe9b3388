/** Work in many parts: each part is a workflow of its own, with a history of its own, and a bounded number of them run at a time. */
import { ChildWorkflowFailure, proxyActivities, setCurrentDetails, startChild, workflowInfo } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { countPrimes } = proxyActivities<typeof activities>({ startToCloseTimeout: "1 minute" });

export interface Range {
  from: number;
  /** Not included. */
  to: number;
}

export interface Census {
  primes: number;
  parts: number;
  failed: Range[];
}

/** One part. Its id says whose and which: starting it twice is refused by the server. */
export async function countPart(range: Range): Promise<number> {
  return await countPrimes(range);
}

export async function countAll(to: number, partSize: number, concurrency: number): Promise<Census> {
  const ranges: Range[] = [];
  for (let from = 0; from < to; from += partSize) ranges.push({ from, to: Math.min(from + partSize, to) });
  const census: Census = { primes: 0, parts: ranges.length, failed: [] };
  const waiting = ranges.values();
  let done = 0;
  // As many lanes as there may be children at a time; each takes the next part when it has finished one.
  const lane = async () => {
    for (const range of waiting) {
      try {
        const primes = await resultOfPart(range);
        // Not `+= await`: that would read the sum before the wait, and lose what other lanes add meanwhile.
        census.primes += primes;
      } catch (error) {
        // One lost part does not lose the others.
        if (!(error instanceof ChildWorkflowFailure)) throw error;
        census.failed.push(range);
      }
      setCurrentDetails(`${++done} of ${ranges.length} parts`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return census;
}

async function resultOfPart(range: Range): Promise<number> {
  const child = await startChild(countPart, {
    workflowId: `${workflowInfo().workflowId}/${range.from}`,
    args: [range],
    // When this workflow is cancelled, its children may clean up.
    parentClosePolicy: "REQUEST_CANCEL",
  });
  return await child.result();
}
