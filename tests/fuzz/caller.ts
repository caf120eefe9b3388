/** Sends inputs on one kept-alive HTTP/2 connection and says how each ended. */
import { constants } from "node:http2";
import { isRefused, resendsMax, Session } from "../rig/session.ts";

export type Outcome =
  /** A gRPC status; `details` is an encoded google.rpc.Status or empty, `body` is the message of an answer that is OK. */
  | {
      readonly type: "status";
      readonly status: number;
      readonly message: string;
      readonly details: Buffer;
      readonly body: Buffer;
    }
  /** An answer of HTTP alone. */
  | { readonly type: "http"; readonly status: number }
  /** The caller left before there was an answer. */
  | { readonly type: "left" }
  | { readonly type: "reset"; readonly reason: string };

export interface Sent {
  readonly path: string;
  readonly body: Buffer;
  readonly timeoutMs: number;
  /** Beyond the usual ones; a value of "" leaves the header out. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: so long after the deadline that a busy machine cannot be the reason. */
  readonly leaveMs?: number;
}

const patienceMs = 120_000;

export class Caller {
  readonly #address: string;
  #session: Session | undefined;

  constructor(address: string) {
    this.#address = address;
  }

  async open(): Promise<void> {
    this.#session = await Session.open(this.#address);
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  close(): void {
    this.#session?.close();
  }

  send(sent: Sent, resends = 0): Promise<Outcome> {
    const { path, body, timeoutMs, headers = {}, leaveMs = timeoutMs + patienceMs } = sent;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const all: Record<string, string> = {
      ...{ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
      ...{ "grpc-timeout": `${timeoutMs}m`, "client-name": "temporal-fuzz", "client-version": "1.0.0" },
      ...headers,
    };
    const stream = this.#session!.request(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "")));
    let left = false;
    const leave = setTimeout(() => {
      left = true;
      stream.close(constants.NGHTTP2_CANCEL);
    }, leaveMs);
    const seen: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    let reason = "closed without a status";
    stream.on("response", (head) => Object.assign(seen, head));
    stream.on("trailers", (trailers) => Object.assign(seen, trailers));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", (error) => {
      reason = error.message;
    });
    stream.on("close", () => {
      clearTimeout(leave);
      const status = seen["grpc-status"];
      const http = Number(seen[":status"] ?? 0);
      if (status !== undefined)
        resolve({
          ...{ type: "status", status: Number(status), body: Buffer.concat(chunks).subarray(5) },
          details: Buffer.from(String(seen["grpc-status-details-bin"] ?? ""), "base64"),
          message: decodeURIComponent(String(seen["grpc-message"] ?? "")),
        });
      else if (isRefused(stream) && resends < resendsMax) resolve(this.send(sent, resends + 1));
      else if (left) resolve({ type: "left" });
      else if (http >= 400) resolve({ type: "http", status: http });
      else resolve({ type: "reset", reason });
    });
    stream.end(body);
    return promise;
  }
}
