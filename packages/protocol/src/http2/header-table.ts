/** What both ends of a connection remember of headers (RFC 7541 §2.3), so that one that was said before is said by its number. */

export type Header = readonly [name: string, value: string];

/** Appendix A: those that both know from the beginning, from number 1 on. */
export const staticHeaders: readonly Header[] = [
  ...pairs(":authority", ":method GET", ":method POST", ":path /", ":path /index.html", ":scheme http"),
  ...pairs(":scheme https", ":status 200", ":status 204", ":status 206", ":status 304", ":status 400", ":status 404"),
  ...pairs(":status 500", "accept-charset", "accept-encoding gzip, deflate", "accept-language", "accept-ranges"),
  ...pairs("accept", "access-control-allow-origin", "age", "allow", "authorization", "cache-control"),
  ...pairs("content-disposition", "content-encoding", "content-language", "content-length", "content-location"),
  ...pairs("content-range", "content-type", "cookie", "date", "etag", "expect", "expires", "from", "host", "if-match"),
  ...pairs("if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified", "link"),
  ...pairs("location", "max-forwards", "proxy-authenticate", "proxy-authorization", "range", "referer", "refresh"),
  ...pairs("retry-after", "server", "set-cookie", "strict-transport-security", "transfer-encoding", "user-agent"),
  ...pairs("vary", "via", "www-authenticate"),
];

function pairs(...texts: readonly string[]): Header[] {
  return texts.map((text) => {
    const end = text.indexOf(" ");
    return end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 1)];
  });
}

/** HTTP/2's own, until the one who decodes says something else. */
export const tableBytesDefault = 4096;
const entryOverhead = 32;

/** The headers that came by last, as far as they find room. Each has a number for good, counted from 0; on the wire it is counted from the newest. */
export class HeaderTable {
  readonly #headers: Header[] = [];
  readonly #onEvict: ((header: Header, number: number) => void) | undefined;
  /** How many have ever left. */
  #evicted = 0;
  #bytes = 0;
  #bytesMax = tableBytesDefault;

  constructor(onEvict?: (header: Header, number: number) => void) {
    this.#onEvict = onEvict;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#makeRoom(0);
  }

  /** Returns its number; `undefined` when it is larger than the whole table, which is empty then. */
  add(header: Header): number | undefined {
    const bytes = sizeOf(header);
    this.#makeRoom(bytes);
    if (bytes > this.#bytesMax) return undefined;
    this.#bytes += bytes;
    return this.#evicted + this.#headers.push(header) - 1;
  }

  /** By what stands on the wire. */
  at(index: number): Header | undefined {
    return index <= staticHeaders.length
      ? staticHeaders[index - 1]
      : this.#headers[this.#headers.length - (index - staticHeaders.length)];
  }

  /** What stands on the wire for the one with this number. */
  indexOf(number: number): number {
    return staticHeaders.length + this.#evicted + this.#headers.length - number;
  }

  #makeRoom(bytes: number): void {
    while (this.#headers.length > 0 && this.#bytes + bytes > this.#bytesMax) {
      const oldest = this.#headers.shift()!;
      this.#bytes -= sizeOf(oldest);
      this.#onEvict?.(oldest, this.#evicted++);
    }
  }
}

function sizeOf([name, value]: Header): number {
  return name.length + value.length + entryOverhead;
}
