/**
 * State in one database, or spread over a list of them: `postgres://…,postgres://…`. Each database of a list keeps which of them it is, so that none is left out,
 * taken for another, or added later (O1 of `spread.ts`).
 */
import { randomUUID } from "node:crypto";
import type { StoreInspection } from "../inspection.ts";
import { SpreadStore } from "../spread/spread.ts";
import { SpreadInspection } from "../spread/spread-inspection.ts";
import { SettingChanged, type Store, StoreUnusable } from "../store.ts";
import { PostgresStore } from "./postgres.ts";
import type { PostgresOptions } from "./postgres-connection.ts";
import { PostgresInspection } from "./postgres-inspection.ts";
import { databasesOf, nameOf } from "./postgres-primary.ts";

/** Holds `<id of the list> <place>/<how many>`, in a database of several. */
const placeSetting = "database-of-list";

/** `list`: one URL, or several with commas between them. Throws `StoreUnusable`. */
export async function openDatabases(list: string, options: Omit<PostgresOptions, "url"> = {}): Promise<Store> {
  const urls = databasesOf(list);
  const stores: PostgresStore[] = [];
  try {
    for (const [at, url] of urls.entries()) {
      const { receiptFile } = options;
      // Each database of several has one of its own.
      const own = receiptFile !== undefined && urls.length > 1 ? { receiptFile: `${receiptFile}.${at + 1}` } : {};
      stores.push(await PostgresStore.open({ ...options, ...own, url }));
    }
    await settlePlaces(stores, urls);
    return stores.length === 1 ? stores[0]! : new SpreadStore(stores);
  } catch (error) {
    await Promise.all(stores.map((store) => store.close()));
    throw error;
  }
}

/** Throws `StoreUnusable`. */
export async function inspectDatabases(list: string): Promise<StoreInspection> {
  const inspections: PostgresInspection[] = [];
  try {
    for (const url of databasesOf(list)) inspections.push(await PostgresInspection.open(url));
  } catch (error) {
    await Promise.all(inspections.map((each) => each.close()));
    throw error;
  }
  return inspections.length === 1 ? inspections[0]! : new SpreadInspection(inspections);
}

async function settlePlaces(stores: readonly Store[], urls: readonly string[]): Promise<void> {
  let id = randomUUID();
  // The first comes first: who marks that has settled the id for all that start at the same time.
  for (const [at, store] of stores.entries()) {
    const where = nameOf(urls[at]!);
    const found = await placeOf(store);
    if (found === undefined && stores.length === 1) return;
    if (found === undefined) await requireNew(store, where);
    const place = found ?? (await mark(store, `${id} ${at + 1}/${stores.length}`));
    const [ofList, ofPlace = ""] = place.split(" ");
    const wanted = `${at + 1}/${stores.length}`;
    if (ofPlace !== wanted)
      throw new StoreUnusable(
        `${where} is database ${ofPlace} of a list, and is given as ${wanted}: give all of them, in the order of the first start`,
      );
    if (at === 0) id = ofList as typeof id;
    else if (ofList !== id) throw new StoreUnusable(`${where} belongs to another list of databases than the first`);
  }
}

async function placeOf(store: Store): Promise<string | undefined> {
  const bytes = await store.setting(placeSetting);
  return bytes === null ? undefined : new TextDecoder().decode(bytes);
}

/** What is there by then: a node that starts at the same time may have been first. */
async function mark(store: Store, place: string): Promise<string> {
  try {
    const bytes = new TextEncoder().encode(place);
    await store.commit(null, [{ table: "setting", name: placeSetting, bytes, expected: null }]);
    return place;
  } catch (error) {
    if (!(error instanceof SettingChanged)) throw error;
    return (await placeOf(store)) ?? place;
  }
}

async function requireNew(store: Store, where: string): Promise<void> {
  const others = (await store.settings("")).filter(({ name }) => name !== placeSetting);
  if (others.length > 0)
    throw new StoreUnusable(
      `${where} holds the state of a server already, all of it: a list of databases begins with new ones, as shards never move between them`,
    );
}
