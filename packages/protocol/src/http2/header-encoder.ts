/** Headers as they go (RFC 7541 §6): what is said with each call costs one byte from the second call on. */
import { HeaderTable, staticHeaders, tableBytesDefault } from "./header-table.ts";

/** Of a header, and of each string in it. */
const numberBytesMax = 6;

export class HeaderEncoder {
  /** By name and value, the number in the table. */
  readonly #known = new Map<string, Map<string, number>>();
  readonly #table = new HeaderTable(([name, value], number) => {
    const values = this.#known.get(name);
    if (values?.get(value) === number) values.delete(value);
    if (values?.size === 0) this.#known.delete(name);
  });
  /** Of the table, as the peer wants it from the next block on, and the least that it has asked for since the last. */
  #resize: { readonly least: number; readonly last: number } | undefined;
  #block = Buffer.allocUnsafeSlow(1024);
  #length = 0;

  resize(peersBytesMax: number): void {
    const last = Math.min(peersBytesMax, tableBytesDefault);
    this.#resize = { least: Math.min(this.#resize?.least ?? last, last), last };
  }

  /** Names and values in turn; those of `once` will hardly be said again. What is returned is good until the next call. */
  encode(headers: readonly string[], once: readonly string[]): Buffer {
    this.#length = 0;
    if (this.#resize) this.#resized(this.#resize);
    for (let at = 0; at < headers.length; at += 2) this.#header(headers[at]!, headers[at + 1]!);
    for (let at = 0; at < once.length; at += 2) this.#literal(0x00, 4, once[at]!, once[at + 1]!);
    return this.#block.subarray(0, this.#length);
  }

  #resized({ least, last }: { readonly least: number; readonly last: number }): void {
    this.#resize = undefined;
    for (const bytesMax of least < last ? [least, last] : [last]) {
      if (bytesMax === this.#table.bytesMax) continue;
      this.#table.resize(bytesMax);
      this.#integer(0x20, 5, bytesMax);
    }
  }

  #header(name: string, value: string): void {
    const number = this.#known.get(name)?.get(value);
    if (number !== undefined) return this.#indexed(this.#table.indexOf(number));
    const index = staticNumbers.get(name)?.get(value);
    if (index !== undefined) return this.#indexed(index);
    // One that would drive out most of the others is said each time.
    if ((name.length + value.length) * 2 > this.#table.bytesMax) return this.#literal(0x00, 4, name, value);
    this.#literal(0x40, 6, name, value);
    const added = this.#table.add([name, value]);
    if (added === undefined) return;
    const values = this.#known.get(name);
    if (values) values.set(value, added);
    else this.#known.set(name, new Map([[value, added]]));
  }

  #indexed(index: number): void {
    this.#makeRoom(numberBytesMax);
    this.#integer(0x80, 7, index);
  }

  #literal(kind: number, prefixBits: number, name: string, value: string): void {
    const [known] = staticNumbers.get(name)?.values() ?? [];
    this.#makeRoom(numberBytesMax * 3 + name.length + value.length);
    this.#integer(kind, prefixBits, known ?? 0);
    if (known === undefined) this.#string(name);
    this.#string(value);
  }

  #string(text: string): void {
    this.#integer(0, 7, text.length);
    this.#length += this.#block.write(text, this.#length, "latin1");
  }

  #integer(kind: number, prefixBits: number, value: number): void {
    const full = 2 ** prefixBits - 1;
    if (value < full) {
      this.#block[this.#length++] = kind | value;
      return;
    }
    this.#block[this.#length++] = kind | full;
    let rest = value - full;
    for (; rest >= 0x80; rest >>>= 7) this.#block[this.#length++] = (rest & 0x7f) | 0x80;
    this.#block[this.#length++] = rest;
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= this.#block.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#block.length * 2, this.#length + bytes));
    this.#block.copy(larger, 0, 0, this.#length);
    this.#block = larger;
  }
}

const staticNumbers = new Map<string, Map<string, number>>();
for (const [at, [name, value]] of staticHeaders.entries()) {
  const values = staticNumbers.get(name) ?? new Map<string, number>();
  staticNumbers.set(name, values.set(value, at + 1));
}
