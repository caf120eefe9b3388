/** The outermost step of a data converter: what is large goes to a driver, and its reference goes on; and the other way round. */
import { common } from "@pawl/protocol";
import { errorMessage, ValueError } from "../value/errors.ts";
import {
  type ExternalStorage,
  isReference,
  readReference,
  referencePayload,
  type StorageDriver,
  type StorageDriverTargetInfo,
} from "../value/external-storage.ts";
import type { Payload } from "../value/payload.ts";

/** What one driver is to do of one call, with the places of the results. */
interface Share<T> {
  readonly driver: StorageDriver;
  readonly items: { readonly at: number; readonly item: T }[];
}

/** Throws `ValueError` when a driver fails, or gives something else than it was asked for. */
export async function storedOutside(
  { driverSelector, payloadSizeThreshold, drivers }: ExternalStorage,
  payloads: readonly Payload[],
  target: StorageDriverTargetInfo | undefined,
): Promise<Payload[]> {
  const stop = new AbortController();
  const context = { abortSignal: stop.signal, ...(target ? { target } : {}) };
  const shares = new Map<string, Share<{ payload: Payload; sizeBytes: number }>>();
  for (const [at, payload] of payloads.entries()) {
    const sizeBytes = common.Payload.encode(payload).length;
    if (sizeBytes < payloadSizeThreshold) continue;
    const driver = driverSelector(context, payload);
    if (driver === null) continue;
    if (!drivers.includes(driver)) {
      throw new ValueError(`ExternalStorage.driverSelector chose ${driver.name}, which is none of the drivers`);
    }
    shareOf(shares, driver).items.push({ at, item: { payload, sizeBytes } });
  }
  return await together(payloads, shares, stop, async ({ driver, items }) => {
    const claims = await driver.store(
      context,
      items.map(({ item }) => item.payload),
    );
    return claims.map((claim, at) =>
      referencePayload({ driverName: driver.name, claim, sizeBytes: items[at]?.item.sizeBytes ?? 0 }),
    );
  });
}

/** Throws as {@link storedOutside}, and for a reference that names none of the drivers. */
export async function fetchedFromOutside(storage: ExternalStorage, payloads: readonly Payload[]): Promise<Payload[]> {
  const stop = new AbortController();
  const shares = new Map<string, Share<ReturnType<typeof readReference>>>();
  for (const [at, payload] of payloads.entries()) {
    if (!isReference(payload)) continue;
    const item = readReference(payload);
    const driver = storage.getDriver(item.driverName);
    if (!driver) throw new ValueError(`ExternalStorage has no driver ${JSON.stringify(item.driverName)}`);
    shareOf(shares, driver).items.push({ at, item });
  }
  return await together(payloads, shares, stop, async ({ driver, items }) => {
    return await driver.retrieve(
      { abortSignal: stop.signal },
      items.map(({ item }) => item.claim),
    );
  });
}

function shareOf<T>(shares: Map<string, Share<T>>, driver: StorageDriver): Share<T> {
  const share = shares.get(driver.name) ?? { driver, items: [] };
  shares.set(driver.name, share);
  return share;
}

/** All drivers at once. When one fails the others are told to stop, and are waited for. */
async function together<T>(
  payloads: readonly Payload[],
  shares: ReadonlyMap<string, Share<T>>,
  stop: AbortController,
  work: (share: Share<T>) => Promise<Payload[]>,
): Promise<Payload[]> {
  const changed = [...payloads];
  const works = [...shares.values()].map(async (share) => {
    const { driver, items } = share;
    try {
      const results = await work(share);
      if (results.length !== items.length) throw new ValueError(`it gave ${results.length} of ${items.length}`);
      for (const [at, result] of results.entries()) changed[items[at]!.at] = result;
    } catch (error) {
      stop.abort(error);
      throw new ValueError(`storage driver ${driver.name} failed: ${errorMessage(error)}`, error);
    }
  });
  const failed = (await Promise.allSettled(works)).find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
  return changed;
}
