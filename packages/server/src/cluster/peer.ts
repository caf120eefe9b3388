/**
 * Calls to one other node, over a connection that is made when first needed: most of them over one link (`link.ts`), those with large requests in streams of their
 * own, and so all of them to a node of a version that knows no links.
 *
 *   C1. `unreached` means that the other node has done nothing for the call. Once it may have, the call ends with what the node says, or UNAVAILABLE.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { grpcMessage, grpcPrefixBytes } from "@pawl/protocol/http2";
import type { Clock } from "../clock.ts";
import { clusterLimits, limits } from "../limits.ts";
import { type Status, type StatusCode, statusCodes } from "../rpc/transport.ts";
import type { Tls } from "../tls.ts";
import { Link, type LostCalls } from "./link.ts";
import { decodeAnswers, decodeSealed } from "./link-frames.ts";
import type { SealedAnswer } from "./node-seal.ts";
import type { PeerAnswer, PeerCall } from "./peer-call.ts";

/** Connections of which the other node has seen something. */
const reached = new WeakSet<ClientHttp2Session>();
export const linkPath = "/pawl.node.v1.Node/Link";
const linkHeaders = { ":method": "POST", ":path": linkPath, "content-type": "application/grpc", te: "trailers" };
const broken: Status = { code: "UNAVAILABLE", message: "the node that was asked has gone; try again" };
const codeNames = new Map(Object.entries(statusCodes).map(([name, code]) => [String(code), name as StatusCode]));

export interface PeerParts {
  readonly clock: Clock;
  /** The id of this node. */
  readonly from: string;
  /** What shows the other node who makes a call (`node-seal.ts`). */
  readonly seal: (call: Pick<PeerCall, "path" | "attachment" | "request">) => string;
  /** What shows that an answer is the other node's. Undefined: it is of a version that seals none, and taken at its word. */
  readonly answers?: PeerAnswers | undefined;
  /** Connections are by mutual TLS. */
  readonly tls?: PeerTls | undefined;
  /** A connection could not be made, and why: said once for each reason. */
  readonly onTrouble: (address: string, reason: string) => void;
}

/** What a seal of the other node is over, beside the two nodes. */
export type SaidAnswer = Pick<SealedAnswer, "of" | "number" | "answer">;

export interface PeerAnswers {
  readonly linkName: () => string;
  readonly isSealed: (said: SaidAnswer, seal: string) => boolean;
}

export interface PeerTls {
  readonly files: Pick<Tls, "connectOptions">;
  /** The name that the other node's certificate must have, if it is not the host of its address. */
  readonly serverName: string | undefined;
}

export class Peer {
  readonly #address: string;
  readonly #parts: PeerParts;
  readonly #troubles = new Set<string>();
  /** The one for new calls. */
  #session: ClientHttp2Session | undefined;
  readonly #sessions = new Set<ClientHttp2Session>();
  /** On `#session`. */
  #link: Link | undefined;
  #knowsLinks = true;
  #isClosed = false;

  /** `address`: `host:port`. */
  constructor(address: string, parts: PeerParts) {
    this.#address = address;
    this.#parts = parts;
  }

  /** Never throws. */
  async call(call: PeerCall): Promise<PeerAnswer> {
    if (this.#isClosed || call.signal?.aborted) return "unreached";
    try {
      if (!this.#knowsLinks || call.request.length > clusterLimits.linkRequestBytesMax)
        return await this.#callApart(call);
      const link = this.#linkNow();
      if (!link.isOpen) return "unreached";
      const answer = await link.call(call);
      return answer === "again" ? await this.#callApart(call) : answer;
    } catch {
      return "unreached"; // the connection ended in this very moment
    }
  }

  #sessionNow(): ClientHttp2Session {
    this.#session ??= this.#connect();
    return this.#session;
  }

  #linkNow(): Link {
    if (this.#link) return this.#link;
    const session = this.#sessionNow();
    const { clock, from, seal, answers } = this.#parts;
    const name = answers?.linkName() ?? "";
    const stream = session.request({ ...linkHeaders, "pawl-from": from, "pawl-link": name });
    const link = new Link({
      ...{ stream, clock },
      opened: (message, number) => (answers ? framesOf(answers, { of: name, number, message }) : message),
      seal: (frames) => seal({ path: linkPath, attachment: "", request: frames }),
      lost: (headers) => this.#lost(session, stream, headers),
    });
    this.#link = link;
    stream.once("close", () => {
      if (this.#link === link) this.#link = undefined;
    });
    return link;
  }

  /** What calls come to whose link has ended before them. */
  #lost(session: ClientHttp2Session, stream: ClientHttp2Stream, headers: Readonly<Record<string, unknown>>): LostCalls {
    // Of a node that seals its answers a link's end says no more than that it has ended: that is not sealed.
    if (!this.#parts.answers && headers["grpc-status"] === String(statusCodes.UNIMPLEMENTED)) {
      this.#knowsLinks = false;
      return "again";
    }
    return lostOf(session, stream);
  }

  async #callApart(call: PeerCall): Promise<PeerAnswer> {
    if (this.#isClosed || call.signal?.aborted) return "unreached";
    const session = this.#sessionNow();
    const { clock, from, seal: sealOf, answers } = this.#parts;
    const seal = sealOf(call);
    const stream = session.request({
      ...linkHeaders,
      ":path": call.path,
      ...(call.timeoutMs !== undefined && { "grpc-timeout": `${Math.max(1, Math.ceil(call.timeoutMs))}m` }),
      "pawl-from": from,
      "pawl-seal": seal,
      "pawl-attachment": call.attachment,
    });
    const answer = await answerOf(session, stream, call, clock);
    return answers ? sealedAnswerOf(answers, seal, answer) : answer;
  }

  /** The node has gone: what is under way ends. */
  close(): void {
    this.#isClosed = true;
    for (const session of this.#sessions) session.destroy();
  }

  #connect(): ClientHttp2Session {
    const { clock, tls } = this.#parts;
    const settings = { enablePush: false, initialWindowSize: limits.streamWindowBytes };
    const session = tls
      ? connect(`https://${this.#address}`, {
          ...{ settings, ...tls.files.connectOptions() },
          ...(tls.serverName !== undefined && { servername: tls.serverName }),
        })
      : connect(`http://${this.#address}`, { settings });
    this.#sessions.add(session);
    const cancel = clock.after(clusterLimits.connectMsMax, () => session.destroy());
    // The next call makes another connection; what is under way on this one may end well.
    const retire = () => {
      if (this.#session !== session) return;
      this.#session = undefined;
      this.#link?.retire();
      this.#link = undefined;
    };
    const forget = () => {
      cancel();
      retire();
      this.#sessions.delete(session);
    };
    session.once("connect", (_, socket) => {
      reached.add(session);
      cancel();
      // The other node may have gone in the very moment that it was reached.
      if (session.destroyed) return;
      session.setLocalWindowSize(limits.connectionWindowBytes);
      // A node that does not like our certificate says so after this, and then Node's session never tells that it has closed.
      socket.once("error", (error) => {
        this.#trouble(error.message);
        forget();
      });
    });
    session.on("error", (error) => {
      if (!reached.has(session)) this.#trouble(error.message); // "close" follows
    });
    session.on("goaway", () => {
      retire();
      session.close();
    });
    session.on("close", forget);
    return session;
  }

  #trouble(reason: string): void {
    if (this.#troubles.has(reason)) return;
    this.#troubles.add(reason);
    this.#parts.onTrouble(this.#address, reason);
  }
}

function answerOf(
  session: ClientHttp2Session,
  stream: ClientHttp2Stream,
  call: PeerCall,
  clock: Clock,
): Promise<PeerAnswer> {
  return new Promise((resolve) => {
    const seen: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
    call.signal?.addEventListener("abort", cancel, { once: true });
    // A node that stands still ends no call by itself.
    const lateAtMs = clock.nowMs() + (call.timeoutMs ?? limits.callMsMax) + clusterLimits.connectMsMax;
    const cancelWake = clock.wake(lateAtMs, cancel);
    stream.on("response", (headers) => Object.assign(seen, headers));
    stream.on("trailers", (trailers) => Object.assign(seen, trailers));
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > clusterLimits.answerBytesMax) cancel();
    });
    stream.on("error", () => {}); // "close" follows
    stream.on("close", () => {
      call.signal?.removeEventListener("abort", cancel);
      cancelWake();
      if (typeof seen["grpc-status"] === "string") return resolve(endOf(seen, chunks));
      resolve(lostOf(session, stream));
    });
    stream.end(grpcMessage(call.request));
  });
}

/** What the other node has said. That a call is late needs no seal: its caller sees for himself. */
function sealedAnswerOf(answers: PeerAnswers, of: string, answer: PeerAnswer): PeerAnswer {
  if (answer === "unreached") return answer;
  if (!(answer instanceof Uint8Array)) return answer.code === "DEADLINE_EXCEEDED" ? answer : broken;
  try {
    return decodeAnswers(framesOf(answers, { of, number: 0, message: answer }))[0]?.answer ?? broken;
  } catch {
    return broken;
  }
}

/** Throws when the other node has not sent this message, or not here. */
function framesOf(
  answers: PeerAnswers,
  { of, number, message }: { readonly of: string; readonly number: number; readonly message: Uint8Array },
): Uint8Array {
  const { seal, frames } = decodeSealed(message);
  if (!answers.isSealed({ of, number, answer: frames }, seal))
    throw new RangeError("an answer is not the other node's");
  return frames;
}

/** C1, of a stream that has ended without a status. */
function lostOf(session: ClientHttp2Session, stream: ClientHttp2Stream): Status | "unreached" {
  const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
  return isRefused || !reached.has(session) ? "unreached" : broken;
}

function endOf(seen: Readonly<Record<string, unknown>>, chunks: readonly Buffer[]): PeerAnswer {
  const code = codeNames.get(seen["grpc-status"] as string);
  if (code === undefined) return broken;
  if (code === "OK") {
    // Memory of its own: what is kept of it later keeps no network buffer alive.
    const bytes = Buffer.concat(chunks);
    return bytes.length < grpcPrefixBytes ? broken : new Uint8Array(bytes.subarray(grpcPrefixBytes));
  }
  const details = seen["grpc-status-details-bin"];
  return {
    code,
    message: percentDecoded(String(seen["grpc-message"] ?? "")),
    ...(typeof details === "string" && { details: Buffer.from(details, "base64") }),
  };
}

/** Whoever listens at a dead node's address now may say anything. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
