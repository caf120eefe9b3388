/** Work of unknown length in slices of known length: each activity call does what it can before its deadline and says where it stopped. */
import { proxyActivities } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { renderPages } = proxyActivities<typeof activities>({ startToCloseTimeout: "2 seconds" });

export interface Rendered {
  pages: number;
  /** How many pages each call of the activity did. */
  slices: number[];
}

export async function renderBook(pages: number): Promise<Rendered> {
  const slices: number[] = [];
  let next = 0;
  while (next < pages) {
    const slice = await renderPages(next, pages);
    slices.push(slice.next - next);
    next = slice.next;
  }
  return { pages: next, slices };
}
