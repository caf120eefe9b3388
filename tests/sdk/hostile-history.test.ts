/** Histories that no good server sends: each is an error of its own, and what comes after it replays as ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { history } from "@pawl/protocol";
import { Worker } from "@pawl/sdk/worker";
import { newId, newWorker, useTarget, workflowsPath } from "./target.ts";
import * as workflows from "./workflows.ts";

const target = useTarget();
const mutants = 150;

/** Numbers that are the same each time, so that a history that was fine once is fine on every machine. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}

function mutated({ events }: history.History, next: (below: number) => number): history.History {
  const changed = events.map((event) => history.HistoryEvent.decode(history.HistoryEvent.encode(event)));
  for (let change = 0; change <= next(3); change++) {
    const at = next(changed.length);
    const event = changed[at];
    if (!event) continue;
    switch (next(5)) {
      case 0:
        changed.splice(at, 1);
        break;
      case 1:
        event.eventType = next(70) as typeof event.eventType;
        break;
      case 2:
        event.eventId += next(3) - 1;
        break;
      case 3: {
        // An event whose own part is missing, or that has another's.
        const names = Object.keys(event).filter((name) => name.endsWith("Attributes")) as (keyof typeof event)[];
        for (const name of names) Object.assign(event, { [name]: undefined });
        break;
      }
      default:
        changed.splice(next(changed.length), 0, event);
    }
  }
  return { events: changed };
}

test("each gives a result or an error, none harms the one after it", async () => {
  const worker = await newWorker(target);
  const { taskQueue } = worker.options;
  const real = await worker.runUntil(async () => {
    const options = { workflowId: newId(), taskQueue, args: ["history"] as [string] };
    const handle = await target.client.workflow.start(workflows.greeting, options);
    await handle.result();
    return await handle.fetchHistory();
  });
  const next = numbers(6);
  const given = Array.from({ length: mutants }, (_, at) => ({
    workflowId: `mutant-${at}`,
    history: mutated(real, next),
  }));
  const histories = [...given, { workflowId: "real", history: real }];
  const results = new Map<string, Error | undefined>();
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowsPath }, histories)) {
    assert.ok(error === undefined || error instanceof Error);
    results.set(workflowId, error);
  }
  assert.equal(results.size, mutants + 1);
  assert.equal(results.get("real"), undefined);
  const failed = [...results.values()].filter((error) => error !== undefined);
  assert.ok(failed.length > mutants / 4, `${failed.length} were found out`);
});
