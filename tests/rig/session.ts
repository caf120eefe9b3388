/**
 * An HTTP/2 connection as gRPC clients keep one: when the server asks for it to go, because it has grown old, new calls go over another, and a call that
 * the old one did not take is sent again.
 */
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";

/** So often is a call begun again that was refused. */
export const resendsMax = 3;

export class Session {
  readonly #address: string;
  #session: ClientHttp2Session;
  /** Sessions that take no new calls, and still have some under way. */
  readonly #leaving = new Set<ClientHttp2Session>();

  private constructor(address: string) {
    this.#address = address;
    this.#session = this.#connect();
  }

  static async open(address: string): Promise<Session> {
    const opened = new Session(address);
    await once(opened.#session, "connect");
    return opened;
  }

  close(): void {
    for (const session of [...this.#leaving, this.#session]) session.destroy();
  }

  /** The beginning of a call. A call that ends with {@link isRefused} may be begun again. */
  request(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    const { closed, destroyed } = this.#session;
    if (closed && !destroyed) this.#leaving.add(this.#session);
    if (closed || destroyed) this.#session = this.#connect();
    return this.#session.request(headers);
  }

  #connect(): ClientHttp2Session {
    const session = connect(`http://${this.#address}`);
    session.setMaxListeners(0);
    // The error also ends every stream, whose caller then hears of it.
    session.on("error", () => undefined);
    session.on("close", () => this.#leaving.delete(session));
    return session;
  }
}

/** Whether the call was not taken at all: its bytes came, or would have come, after the server's word that the connection ends. */
export function isRefused({ rstCode }: ClientHttp2Stream): boolean {
  return rstCode === constants.NGHTTP2_REFUSED_STREAM;
}
