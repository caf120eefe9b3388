/**
 * `temporal.api.testservice`: how the test environments of official SDKs, in other processes, tell a server that they wait for time to pass. Time is
 * locked until someone unlocks it; each unlocking is followed by a locking of its own.
 */
import { type Codec, testservice, timestampMs, toTimestamp } from "@pawl/protocol";
import type { FurtherCall } from "@pawl/server";
import type { TimeSkipper } from "./time-skipper.ts";

const service = "/temporal.api.testservice.v1.TestService/";

/** `skipper`: asked for at each call. */
export function testServiceCalls(skipper: () => TimeSkipper): ReadonlyMap<string, FurtherCall> {
  const answered = (name: string, answer: FurtherCall) => [`${service}${name}`, answer] as const;
  return new Map([
    answered("LockTimeSkipping", async () => {
      skipper().lock();
      return empty;
    }),
    answered("UnlockTimeSkipping", async () => (skipper().unlock() ? empty : unbalanced)),
    answered(
      "Sleep",
      given(testservice.SleepRequest, async ({ duration }, { signal }) => {
        const ms = durationMs(duration);
        await skipper().at(skipper().nowMs() + ms, signal);
        return empty;
      }),
    ),
    answered(
      "SleepUntil",
      given(testservice.SleepUntilRequest, async ({ timestamp }, { signal }) => {
        await skipper().at(timestampMs(timestamp), signal);
        return empty;
      }),
    ),
    answered(
      "UnlockTimeSkippingWithSleep",
      given(testservice.SleepRequest, async ({ duration }, { signal }) => {
        await skipper().sleep(durationMs(duration), signal);
        return empty;
      }),
    ),
    answered("GetCurrentTime", async () =>
      testservice.GetCurrentTimeResponse.encode({ time: toTimestamp(skipper().nowMs()) }),
    ),
  ]);
}

const empty = new Uint8Array(0);
const unbalanced = {
  code: "FAILED_PRECONDITION",
  message: "time skipping is unlocked already: each UnlockTimeSkipping needs a LockTimeSkipping before it",
} as const;

function durationMs(duration: { readonly seconds: number; readonly nanos: number } | undefined): number {
  return duration ? duration.seconds * 1_000 + duration.nanos / 1e6 : 0;
}

/** What cannot be read is its caller's mistake. */
function given<T>(
  codec: Codec<T>,
  answer: (request: T, call: Parameters<FurtherCall>[1]) => Promise<Uint8Array>,
): FurtherCall {
  return async (bytes, call) => {
    let request: T;
    try {
      request = codec.decode(bytes);
    } catch (error) {
      const message = `the request cannot be decoded: ${(error as Error).message}`;
      return { code: "INVALID_ARGUMENT", message };
    }
    return await answer(request, call);
  };
}
