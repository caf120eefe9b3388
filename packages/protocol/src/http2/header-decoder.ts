/** Headers as they come (RFC 7541 §6). */
import { type Header, HeaderTable, tableBytesDefault } from "./header-table.ts";
import { huffmanDecoded } from "./huffman.ts";

export type Headers = Readonly<Record<string, string>>;

/** What cannot be decoded leaves the tables of both ends apart: the connection is lost. */
export class UndecodableHeaders extends Error {
  constructor(what: string) {
    super(`headers cannot be decoded: ${what}`);
    this.name = "UndecodableHeaders";
  }
}

/** Of all headers of a block together, before anybody gets them: a few bytes can name a long header again and again. */
const decodedBytesMax = 256 * 1024;

export class HeaderDecoder {
  readonly #table = new HeaderTable();
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Names are as the peer has said them. What comes twice is joined by a comma. Throws {@link UndecodableHeaders}. */
  decode(block: Buffer): Headers {
    const headers: Record<string, string> = Object.create(null);
    let bytes = 0;
    this.read(block, ([name, value]) => {
      bytes += name.length + value.length;
      if (bytes > decodedBytesMax) throw new UndecodableHeaders(`they have more than ${decodedBytesMax} bytes`);
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    });
    return headers;
  }

  /** One after the other, as they stand. One that is only `known`, by its number, is the same object as when it was said. Throws {@link UndecodableHeaders}. */
  read(block: Buffer, take: (header: Header, isKnown: boolean) => void): void {
    this.#block = block;
    this.#at = 0;
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      const header = this.#next(first);
      if (header) take(header, first >= 0x80);
    }
  }

  /** `undefined` for what changes the table alone. */
  #next(first: number): Header | undefined {
    if (first & 0x80) return this.#known(this.#integer(7));
    if (first & 0x40) {
      const header = this.#literal(6);
      this.#table.add(header);
      return header;
    }
    if (!(first & 0x20)) return this.#literal(4);
    const bytesMax = this.#integer(5);
    if (bytesMax > tableBytesDefault) throw new UndecodableHeaders(`a table of ${bytesMax} bytes was not offered`);
    this.#table.resize(bytesMax);
    return undefined;
  }

  #known(index: number): Header {
    const header = this.#table.at(index);
    if (!header) throw new UndecodableHeaders(`nothing has the number ${index}`);
    return header;
  }

  #literal(prefixBits: number): Header {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#known(index)[0];
    return [name, this.#string()];
  }

  #string(): string {
    const isCoded = (this.#byte() & 0x80) !== 0;
    const length = this.#integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new UndecodableHeaders("they end within a string");
    this.#at += length;
    const text = isCoded ? huffmanDecoded(bytes) : bytes;
    if (!text) throw new UndecodableHeaders("a string's code is broken");
    return text.toString("latin1");
  }

  /** RFC 7541 §5.1. No number here has a use for more than 28 bits. */
  #integer(prefixBits: number): number {
    const full = 2 ** prefixBits - 1;
    let value = this.#byte() & full;
    this.#at++;
    if (value < full) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      this.#at++;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new UndecodableHeaders("a number is too large");
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new UndecodableHeaders("they end too early");
    return byte;
  }
}
