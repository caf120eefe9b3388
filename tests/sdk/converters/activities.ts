import { activityInfo, heartbeat, sleep } from "@pawl/sdk/activity";
import { ApplicationFailure } from "@pawl/sdk/common";
import { Point } from "./point.ts";

export async function moved(point: Point): Promise<Point> {
  return point.plus(new Point(10, 10));
}

/** Gives what its first attempt left in a heartbeat. */
export async function resumed(): Promise<Point> {
  const { attempt, heartbeatDetails } = activityInfo();
  if (attempt > 1) return heartbeatDetails;
  heartbeat(new Point(100, 200));
  await sleep(20);
  throw new Error("secret trouble");
}

export async function refused(point: Point): Promise<void> {
  throw ApplicationFailure.create({ message: "secret refusal", type: "Refused", nonRetryable: true, details: [point] });
}
