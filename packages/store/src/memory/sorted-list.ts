/** Values kept in order, for stores in memory: insertion and removal among 100,000 values cost microseconds. */

/** A chunk that has grown to this length is halved; moving its end is what an insertion costs. */
const chunkLengthMax = 512;

export class SortedList<T> {
  readonly #compare: (left: T, right: T) => number;
  /** In order, none empty. */
  #chunks: T[][] = [];

  /** `compare` returns 0 only for values that are the same. */
  constructor(compare: (left: T, right: T) => number) {
    this.#compare = compare;
  }

  /** Does nothing when the same value is there. */
  add(value: T): void {
    const at = Math.max(0, this.#chunkOf(value));
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([value]);
      return;
    }
    const index = this.#firstNotBefore(chunk, value);
    const there = chunk[index];
    if (there !== undefined && this.#compare(there, value) === 0) return;
    chunk.splice(index, 0, value);
    if (chunk.length >= chunkLengthMax) this.#chunks.splice(at + 1, 0, chunk.splice(chunkLengthMax / 2));
  }

  /** Does nothing when it is not there. */
  delete(value: T): void {
    const at = this.#chunkOf(value);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const index = this.#firstNotBefore(chunk, value);
    const there = chunk[index];
    if (there === undefined || this.#compare(there, value) !== 0) return;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** In order, beginning behind `position` if it is given. The list must not change meanwhile. */
  *after(position?: T): Generator<T> {
    let at = 0;
    let index = 0;
    if (position !== undefined) {
      at = Math.max(0, this.#chunkOf(position));
      const chunk = this.#chunks[at] ?? [];
      index = this.#firstNotBefore(chunk, position);
      const there = chunk[index];
      if (there !== undefined && this.#compare(there, position) === 0) index += 1;
    }
    for (; at < this.#chunks.length; at += 1, index = 0) {
      const chunk = this.#chunks[at] ?? [];
      for (; index < chunk.length; index += 1) yield chunk[index] as T;
    }
  }

  /** The last chunk whose first value is not behind `value`; -1 when there is none. */
  #chunkOf(value: T): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const first = this.#chunks[middle]?.[0] as T;
      if (this.#compare(first, value) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #firstNotBefore(chunk: readonly T[], value: T): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(chunk[middle] as T, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
