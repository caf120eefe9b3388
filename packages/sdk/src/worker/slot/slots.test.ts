import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DefaultLogger, type LogEntry } from "../../value/logger.ts";
import { ResourceController, ResourceSlots, type ResourceUsage } from "./resource-slots.ts";
import { FixedSlots, type Slot } from "./slots.ts";
import { slotsOf } from "./tuner.ts";

const never = new AbortController().signal;
const context = { taskQueue: "q", workerIdentity: "me", workerBuildId: "b" };
const silent = new DefaultLogger("ERROR", () => undefined);

describe("a fixed number of slots", () => {
  test("they are given in the order in which they were asked for, and never more than there are", async () => {
    const slots = new FixedSlots(1);
    const held = await slots.take(never);
    const order: string[] = [];
    const got: Slot[] = [];
    const ask = (who: string) =>
      slots.take(never).then((slot) => {
        order.push(who);
        got.push(slot!);
      });
    const first = ask("first");
    const second = ask("second");
    assert.deepEqual([slots.taken, slots.tryTake()], [1, undefined]);
    held!.release();
    await first;
    assert.deepEqual([order, slots.taken], [["first"], 1]);
    got[0]!.release();
    got[0]!.release();
    await second;
    got[1]!.release();
    assert.equal(slots.taken, 0, "a slot that is given back twice counts once");
  });

  test("who stops waiting gets none, and takes none from the next", async () => {
    const slots = new FixedSlots(1);
    const held = slots.tryTake();
    const stop = new AbortController();
    const waiting = slots.take(stop.signal);
    stop.abort();
    assert.equal(await waiting, undefined);
    held!.release();
    assert.equal(slots.taken, 0);
  });
});

describe("slots by the machine's resources", () => {
  const usage: { now: ResourceUsage } = { now: { memory: 0, cpu: 0 } };
  let nowMs = 0;
  const controller = new ResourceController(
    { targetMemoryUsage: 0.8, targetCpuUsage: 0.9 },
    { measure: () => usage.now, nowMs: () => nowMs },
  );
  const slots = new ResourceSlots(controller, { minimum: 1, maximum: 3, rampThrottleMs: 10 }, () => nowMs);

  test("the minimum always, one more after a while when there is room, and no more than the maximum", () => {
    usage.now = { memory: 0.95, cpu: 0 };
    const first = slots.tryTake();
    assert.ok(first);
    nowMs = 1_000;
    assert.equal(slots.tryTake(), undefined, "no memory");
    usage.now = { memory: 0.1, cpu: 0.95 };
    nowMs = 2_000;
    assert.equal(slots.tryTake(), undefined, "no processor");
    usage.now = { memory: 0.1, cpu: 0.1 };
    nowMs = 3_000;
    assert.ok(slots.tryTake());
    assert.equal(slots.tryTake(), undefined, "the last one does not show yet");
    nowMs = 3_010;
    assert.ok(slots.tryTake());
    nowMs = 4_000;
    assert.equal(slots.tryTake(), undefined, "that is all");
    first.release();
    assert.equal(slots.taken, 2);
  });
});

describe("a tuner", () => {
  test("of the user's own hears of every slot, and its errors are no worker's end", async () => {
    const heard: string[] = [];
    const lines: LogEntry[] = [];
    const custom = {
      type: "custom",
      reserveSlot: async ({ slotType }: { slotType: string }) => {
        heard.push(`reserve ${slotType}`);
        return { id: 1 };
      },
      tryReserveSlot: () => null,
      markSlotUsed: ({ slotInfo }: { slotInfo: { type: string } }) => {
        heard.push(`use ${slotInfo.type}`);
        throw new Error("a bug of the supplier");
      },
      releaseSlot: ({ permit }: { permit: { id?: number } }) => {
        heard.push(`release ${permit.id}`);
      },
    } as const;
    const logger = new DefaultLogger("ERROR", (entry) => lines.push(entry));
    const tuner = {
      workflowTaskSlotSupplier: { type: "fixed-size", numSlots: 2 },
      activityTaskSlotSupplier: custom,
      localActivityTaskSlotSupplier: {
        ...{ type: "resource-based", tunerOptions: { targetMemoryUsage: 1, targetCpuUsage: 1 } },
      },
    } as const;
    const { activity, workflow, localActivity } = slotsOf(tuner as never, context, logger);
    assert.equal(activity.tryTake(), undefined);
    const slot = await activity.take(never);
    slot!.use({ type: "activity", activityType: "a" });
    slot!.release();
    assert.deepEqual(heard, ["reserve activity", "use activity", "release 1"]);
    assert.match(lines[0]?.message ?? "", /failed in markSlotUsed/);
    assert.deepEqual([workflow.kind, workflow.max, localActivity.kind], ["Fixed", 2, "ResourceBased"]);
  });

  for (const [what, tuner, expected] of [
    [
      "a share beyond the whole",
      { tunerOptions: { targetMemoryUsage: 2, targetCpuUsage: 1 } },
      /targetMemoryUsage must be between/,
    ],
    [
      "fewer slots at most than at least",
      {
        tunerOptions: { targetMemoryUsage: 1, targetCpuUsage: 1 },
        activityTaskSlotOptions: { minimumSlots: 5, maximumSlots: 2 },
      },
      /activity slots: minimumSlots must be at least 1, and maximumSlots at least minimumSlots/,
    ],
    [
      "no slots",
      {
        workflowTaskSlotSupplier: { type: "fixed-size", numSlots: 0 },
        activityTaskSlotSupplier: { type: "fixed-size", numSlots: 1 },
        localActivityTaskSlotSupplier: { type: "fixed-size", numSlots: 1 },
      },
      /number of workflow slots must be at least 1/,
    ],
  ] as const) {
    test(`with ${what} is refused`, () => {
      assert.throws(() => slotsOf(tuner as never, context, silent), expected);
    });
  }
});
