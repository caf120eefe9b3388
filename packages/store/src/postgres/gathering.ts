/**
 * Reads by key that share a statement: what is asked for in one turn of the event loop, or while enough statements are under way, goes with the next.
 * A statement costs a round trip and two wakings of a process, far more than a key.
 *
 *   R1. A key is asked for after its call, never before, so that the answer holds what was committed by then (D4 of `store.ts`).
 *   R2. A call fails only by its own keys: a statement for several calls that failed is asked again for each.
 */

/** One long answer must not hold up all others. */
const underWayMax = 2;
/** Of a statement; a call that has more goes alone. */
const keysMax = 200;

interface Call<Key, Value> {
  readonly keys: readonly Key[];
  readonly resolve: (values: readonly Value[]) => void;
  readonly reject: (error: unknown) => void;
}

export class Gathering<Key, Value> {
  readonly #ask: (keys: readonly Key[]) => Promise<readonly Value[]>;
  #waiting: Call<Key, Value>[] = [];
  #underWay = 0;
  #isPlanned = false;

  /** `ask` answers in the order of the keys, of which there is at least one. */
  constructor(ask: (keys: readonly Key[]) => Promise<readonly Value[]>) {
    this.#ask = ask;
  }

  async load(keys: readonly Key[]): Promise<Value[]> {
    if (keys.length === 0) return [];
    const values = await new Promise<readonly Value[]>((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject });
      this.#plan();
    });
    return [...values];
  }

  #plan(): void {
    if (this.#isPlanned || this.#underWay >= underWayMax || this.#waiting.length === 0) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      const calls = this.#next();
      this.#plan();
      void this.#answer(calls);
    });
  }

  #next(): Call<Key, Value>[] {
    const calls: Call<Key, Value>[] = [];
    for (let count = 0; this.#waiting.length > 0; ) {
      count += this.#waiting[0]!.keys.length;
      if (calls.length > 0 && count > keysMax) break;
      calls.push(this.#waiting.shift()!);
    }
    this.#underWay += 1;
    return calls;
  }

  async #answer(calls: readonly Call<Key, Value>[]): Promise<void> {
    try {
      await this.#answerAll(calls);
    } finally {
      this.#underWay -= 1;
      this.#plan();
    }
  }

  async #answerAll(calls: readonly Call<Key, Value>[]): Promise<void> {
    try {
      const values = await this.#ask(calls.flatMap(({ keys }) => keys));
      let at = 0;
      for (const { keys, resolve } of calls) {
        resolve(values.slice(at, at + keys.length));
        at += keys.length;
      }
    } catch (error) {
      const [only, ...others] = calls;
      if (others.length === 0) only?.reject(error);
      else for (const call of calls) await this.#answerAll([call]);
    }
  }
}
