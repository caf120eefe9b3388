/** A trip is booked whole or not at all: every step brings what takes it back, and a cancelled workflow takes back as a failed one does. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
  sleep,
} from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

export interface Trip {
  tripId: string;
  hotel: string;
  flight: string;
  car: string;
  /** Seconds in which the traveller may change their mind before the car is booked. */
  thinkSeconds: number;
}

const { book } = proxyActivities<typeof activities>({
  startToCloseTimeout: "10 seconds",
  retry: { initialInterval: "100 milliseconds", maximumAttempts: 3 },
});

// Taking back must not give up: without a limit of attempts it is tried until it works.
const { cancel } = proxyActivities<typeof activities>({
  startToCloseTimeout: "10 seconds",
  retry: { initialInterval: "100 milliseconds", maximumInterval: "10 seconds" },
});

export async function bookTrip({ tripId, hotel, flight, car, thinkSeconds }: Trip): Promise<string[]> {
  const compensations: (() => Promise<void>)[] = [];
  const reserve = async (thing: activities.Thing, name: string) => {
    // Before the step, not after: a step that timed out may have been done all the same.
    compensations.push(() => cancel(tripId, thing));
    return await book(tripId, thing, name);
  };
  try {
    const booked = [await reserve("hotel", hotel), await reserve("flight", flight)];
    await sleep(thinkSeconds * 1_000);
    return [...booked, await reserve("car", car)];
  } catch (error) {
    log.warn("the trip is taken back", { tripId, steps: compensations.length });
    // A cancelled scope would cancel these, too.
    await CancellationScope.nonCancellable(async () => {
      for (const compensate of compensations.reverse()) await compensate();
    });
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    throw ApplicationFailure.create({ message: "the trip was not booked", type: "TripNotBooked", cause: error });
  }
}
