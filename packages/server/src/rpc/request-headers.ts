/** A request's headers as they come, held against the rules of RFC 9113 §8.2 and §8.3 and against what this server takes. */
import type { Header } from "@pawl/protocol/http2";
import { limits } from "../limits.ts";

/** By lower-case name; what came twice is joined by commas. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** Why nobody gets them. */
export type HeadersFault = "malformed" | "tooLarge";

/** RFC 9113 §6.5.2: what each header counts for besides its bytes. */
const headerOverhead = 32;
/** What may be in a name, and what may not be in a value. */
const nameShape = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is them that are looked for
const controls = /[\0-\x08\x0a-\x1f\x7f]/;
const pseudoNames = new Set([":method", ":scheme", ":path", ":authority"]);
/** Of the connection, not of a request. */
const connectionNames = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);
/** Of these, the first counts. */
const singleNames = new Set([
  ...["authorization", "content-encoding", "content-length", "content-type", "host", "proxy-authorization", "te"],
  ...["user-agent", ":authority", ":method", ":path", ":scheme"],
]);

/** Collects one block. */
export class RequestHeadersReader {
  readonly #headers: Record<string, string> = Object.create(null);
  readonly #kind: "request" | "trailers";
  /** Those that break the rules and may come again by their numbers. */
  readonly #unsound: WeakSet<Header>;
  #bytes = 0;
  #hasRegular = false;
  #fault: HeadersFault | undefined;

  constructor(kind: "request" | "trailers", unsound: WeakSet<Header>) {
    this.#kind = kind;
    this.#unsound = unsound;
  }

  /** `isKnown`: it was said before, and looked at then. */
  take(header: Header, isKnown: boolean): void {
    if (this.#fault) return;
    const [name, value] = header;
    this.#bytes += name.length + value.length + headerOverhead;
    if (this.#bytes > limits.metadataBytesMax) {
      this.#fault = "tooLarge";
      return;
    }
    const isPseudo = name.charCodeAt(0) === 0x3a;
    const isInPlace = isPseudo ? this.#kind === "request" && !this.#hasRegular && !(name in this.#headers) : true;
    if (!isInPlace || !this.#isSound(header, isPseudo, isKnown)) {
      this.#fault = "malformed";
      return;
    }
    this.#hasRegular ||= !isPseudo;
    const before = this.#headers[name];
    if (before === undefined) this.#headers[name] = value;
    else if (!singleNames.has(name)) this.#headers[name] = `${before}, ${value}`;
  }

  result(): RequestHeaders | HeadersFault {
    if (this.#fault) return this.#fault;
    if (this.#kind === "request" && !isWhole(this.#headers)) return "malformed";
    return this.#headers;
  }

  #isSound(header: Header, isPseudo: boolean, isKnown: boolean): boolean {
    const [name, value] = header;
    if (isPseudo ? !pseudoNames.has(name) : connectionNames.has(name)) return false;
    if (isKnown) return !this.#unsound.has(header);
    const isSound =
      (isPseudo || nameShape.test(name)) &&
      !controls.test(value) &&
      (name !== "te" || value === "trailers") &&
      (name !== "content-length" || /^\d{1,15}$/.test(value));
    if (!isSound) this.#unsound.add(header);
    return isSound;
  }
}

function isWhole(headers: RequestHeaders): boolean {
  const path = headers[":path"];
  return (
    headers[":method"] !== undefined &&
    headers[":scheme"] !== undefined &&
    (headers[":authority"] ?? headers["host"]) !== undefined &&
    path !== undefined &&
    (path.startsWith("/") || path === "*")
  );
}
