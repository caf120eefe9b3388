/** Which update the code that runs belongs to, also after it has waited. */
import { AsyncLocalStorage } from "../async-local-storage.ts";

/** An update, as its sender named it. */
export interface UpdateInfo {
  readonly id: string;
  readonly name: string;
}

let updates: AsyncLocalStorage<UpdateInfo> | undefined;

export function withinUpdate<T>(info: UpdateInfo, work: () => T): T {
  updates ??= new AsyncLocalStorage<UpdateInfo>();
  return updates.run(info, work);
}

export function currentUpdate(): UpdateInfo | undefined {
  return updates?.getStore();
}
