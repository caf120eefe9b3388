/** A film is encoded in three stages by one activity that knows exactly where it was. */
import { proxyActivities } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { encodeFilm, publishFilm } = proxyActivities<typeof activities>({
  startToCloseTimeout: "1 hour",
  heartbeatTimeout: "1 second",
  retry: { initialInterval: "100 milliseconds", maximumAttempts: 5 },
});

export async function film(title: string, frames: number): Promise<activities.EncodingReport> {
  const report = await encodeFilm(title, frames);
  await publishFilm(report.bytes);
  return report;
}
