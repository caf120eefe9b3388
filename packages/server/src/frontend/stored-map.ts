/**
 * A durable map that every request may look into: what users have registered (search attributes, endpoints, …). All of it is in memory; the
 * store is the truth, as one setting for each key.
 *
 *   M1. A change is in the store before anyone sees it here.
 *   M2. Changes go one at a time, each on what the one before it left; a change by another node is noticed, and decided upon anew.
 *   M3. After a change of unknown outcome the store is read again before the next one.
 */
import { Rejection } from "@pawl/engine";
import { SettingChanged, type Store } from "@pawl/store";

export interface StoredValue<V> {
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

interface Entry<V> {
  readonly value: V;
  readonly bytes: Uint8Array;
}

export class StoredMap<V> {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #codec: StoredValue<V>;
  #entries = new Map<string, Entry<V>>();
  #lastChange: Promise<unknown> = Promise.resolve();
  #isStale = false;

  private constructor(store: Store, prefix: string, codec: StoredValue<V>) {
    this.#store = store;
    this.#prefix = prefix;
    this.#codec = codec;
  }

  /** `name` is the map's own, and must not be the beginning of another's. */
  static async load<V>(store: Store, name: string, codec: StoredValue<V>): Promise<StoredMap<V>> {
    const map = new StoredMap(store, `${name}/`, codec);
    await map.#read();
    return map;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  /** In no order that means anything. */
  *entries(): Generator<readonly [key: string, value: V]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  /**
   * `decide` sees the value as it is (undefined: there is none) and says what it becomes (undefined: nothing), or refuses; the
   * very value it was given is not written. It may be called again, and may look into this map, which does not change meanwhile. Throws `StoreError` when the change may not have been written.
   */
  change<D extends V | undefined>(
    key: string,
    decide: (before: V | undefined) => D | Rejection,
  ): Promise<D | Rejection> {
    const change = this.#lastChange.then(() => this.#change(key, decide));
    this.#lastChange = change.catch(() => {});
    return change;
  }

  /** Reads what other nodes have changed; gives the keys of it. Waits for no change of this node: that one may wait for other nodes to read. */
  async refresh(): Promise<ReadonlySet<string>> {
    const before = this.#entries;
    await this.#read();
    const keys = new Set([...before.keys(), ...this.#entries.keys()]);
    for (const key of keys) if (isSame(before.get(key), this.#entries.get(key))) keys.delete(key);
    return keys;
  }

  async #change<D extends V | undefined>(
    key: string,
    decide: (before: V | undefined) => D | Rejection,
  ): Promise<D | Rejection> {
    for (;;) {
      if (this.#isStale) await this.#read();
      const before = this.#entries.get(key);
      const after = decide(before?.value);
      if (after instanceof Rejection || after === before?.value) return after;
      const bytes = after === undefined ? null : this.#codec.encode(after);
      const name = this.#prefix + key;
      this.#isStale = true; // M3
      const entries = this.#entries;
      try {
        await this.#store.commit(null, [{ table: "setting", name, bytes, expected: before?.bytes ?? null }]);
      } catch (error) {
        if (error instanceof SettingChanged) continue; // M2
        throw error;
      }
      // Somebody has read in the meantime, and another node may have changed what we have written.
      if (this.#entries !== entries) await this.#read();
      this.#isStale = false;
      if (this.#entries !== entries) return after;
      if (after === undefined || bytes === null) this.#entries.delete(key);
      else this.#entries.set(key, { value: after, bytes }); // M1
      return after;
    }
  }

  async #read(): Promise<void> {
    const rows = await this.#store.settings(this.#prefix);
    this.#entries = new Map(
      rows.map(({ name, bytes }) => [name.slice(this.#prefix.length), { value: this.#codec.decode(bytes), bytes }]),
    );
    this.#isStale = false;
  }
}

function isSame(a: Entry<unknown> | undefined, b: Entry<unknown> | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a.bytes, b.bytes) === 0;
}

/** The value of a setting that the first node to ask for it makes, and all others find. */
export async function settle(store: Store, name: string, make: () => Uint8Array): Promise<Uint8Array> {
  for (;;) {
    const kept = await store.setting(name);
    if (kept) return kept;
    const bytes = make();
    try {
      await store.commit(null, [{ table: "setting", name, bytes, expected: null }]);
      return bytes;
    } catch (error) {
      if (!(error instanceof SettingChanged)) throw error;
    }
  }
}
