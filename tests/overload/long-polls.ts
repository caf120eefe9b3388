/** Workers that wait for tasks which do not come: many long polls over some connections. */
import { methods } from "@pawl/protocol";
import { Caller, type Outcome } from "../fuzz/caller.ts";
import { framed } from "../fuzz/input.ts";

const pollMs = 60_000;

export interface LongPolls {
  /** How each of them ended, when all have. */
  readonly ended: Promise<readonly Outcome[]>;
  readonly close: () => void;
}

export async function openLongPolls(
  address: string,
  { connections, each }: { readonly connections: number; readonly each: number },
): Promise<LongPolls> {
  const { path, request } = methods.PollWorkflowTaskQueue;
  const callers: Caller[] = [];
  const outcomes: Promise<Outcome>[] = [];
  for (let count = 0; count < connections; count++) {
    const caller = new Caller(address);
    await caller.open();
    callers.push(caller);
    const body = framed(request.encode({ namespace: "default", taskQueue: { name: `idle-${count}` } } as never));
    for (let poll = 0; poll < each; poll++) outcomes.push(caller.send({ path, body, timeoutMs: pollMs }));
  }
  return {
    ended: Promise.all(outcomes),
    close: () => {
      for (const caller of callers) caller.close();
    },
  };
}
