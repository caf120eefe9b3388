/** How much a worker does at a time: a slot is taken before a task is asked for and given back when the task is done. */
export class Slots {
  readonly #max: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get taken(): number {
    return this.#taken;
  }

  get max(): number {
    return this.#max;
  }

  /** A slot that is free now, or none. */
  tryTake(): boolean {
    if (this.#taken >= this.#max) return false;
    this.#taken++;
    return true;
  }

  async take(): Promise<void> {
    if (this.tryTake()) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    // The slot goes from hand to hand: it stays taken.
    if (next) next();
    else this.#taken--;
  }
}
