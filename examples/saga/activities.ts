import { ApplicationFailure, activityInfo } from "@pawl/sdk/activity";

export type Thing = "hotel" | "flight" | "car";

/** By trip and thing, so that what is done twice counts once. */
const bookings = new Map<string, string>();

export async function book(tripId: string, thing: Thing, name: string): Promise<string> {
  if (name === "sold-out") throw ApplicationFailure.nonRetryable(`no ${thing} is left`, "SoldOut");
  bookings.set(`${tripId} ${thing}`, name);
  console.log(`${tripId}: ${thing} booked, ${bookings.size} bookings`);
  return `${thing} ${name}`;
}

/** Of what was never booked, too: whoever asks cannot always know. Fails at first. */
export async function cancel(tripId: string, thing: Thing): Promise<void> {
  if (activityInfo().attempt === 1) throw new Error("the line is busy");
  const had = bookings.delete(`${tripId} ${thing}`);
  console.log(`${tripId}: ${thing} ${had ? "cancelled" : "had not been booked"}, ${bookings.size} bookings`);
}
