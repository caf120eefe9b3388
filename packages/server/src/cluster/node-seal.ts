/**
 * How nodes know each other's calls: each carries a MAC under a key that the cluster keeps in its database, over all that it says.
 *
 *   A1. A call is for one node and from one process of another, so it cannot be shown to a third, nor again to a process that was started anew.
 *   A2. Calls of one sender are numbered, and a number is taken once: one that was overheard is refused when it comes again, also after its sender has gone.
 *   A3. An answer is for one call, or has its place in the answers of one link: who stands in between, or listens where a node was, can neither make up
 *       answers nor show old ones. He can keep them, as he can cut the connection.
 */
import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from "node:crypto";
import { clusterLimits } from "../limits.ts";

export interface SealedCall {
  /** Ids of nodes. */
  readonly from: string;
  readonly to: string;
  readonly path: string;
  /** What goes with the request, as text. */
  readonly attachment: string;
  readonly request: Uint8Array;
}

/** An answer, or several, of one node to another. */
export interface SealedAnswer {
  readonly from: string;
  readonly to: string;
  /** The call's seal, or the link's name: no other call or link of whoever asks has the same. */
  readonly of: string;
  /** Its place in the answers of a link, of which none is left out. */
  readonly number: number;
  readonly answer: Uint8Array;
}

/** Nodes tell by their ids, which are in the database, that they seal answers and expect seals on them. Those of the version before have ids without it. */
const sealingEnd = "-s";

export function sealingId(id: string): string {
  return id + sealingEnd;
}

export function sealsAnswers(nodeId: string): boolean {
  return nodeId.endsWith(sealingEnd);
}

/** Numbers further behind the highest than this are taken for old ones. Far above the calls that one node can have under way to another. */
const window = 1 << 16;

export class NodeSeal {
  readonly #key: KeyObject;
  #lastNumber = 0;
  /** By sender. */
  readonly #taken = new Map<string, TakenNumbers>();

  /** `key`: secret bytes, the same on every node. */
  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  seal(call: SealedCall): string {
    this.#lastNumber += 1;
    return `${this.#lastNumber}.${this.#macOf(call, this.#lastNumber).toString("base64url")}`;
  }

  /** A name for a link. */
  linkName(): string {
    this.#lastNumber += 1;
    return String(this.#lastNumber);
  }

  /** A3. */
  sealAnswer(answer: SealedAnswer): string {
    return this.#macOfAnswer(answer).toString("base64url");
  }

  isAnswer(answer: SealedAnswer, seal: string): boolean {
    return isSame(Buffer.from(seal, "base64url"), this.#macOfAnswer(answer));
  }

  /** Whether it is a call of a node of this cluster, and comes for the first time. */
  open(call: SealedCall, seal: string): boolean {
    const [numberText = "", macText = ""] = seal.split(".", 2);
    const number = Number(numberText);
    if (!Number.isSafeInteger(number) || number <= 0) return false;
    if (!isSame(Buffer.from(macText, "base64url"), this.#macOf(call, number))) return false;
    const taken = this.#taken.get(call.from) ?? new TakenNumbers();
    this.#taken.set(call.from, taken);
    return taken.take(number);
  }

  /**
   * Processes that are no more send no more calls, but those that they sent may have been overheard. One that only stood still, and comes back, goes on with
   * higher numbers.
   */
  closeAllBut(nodeIds: ReadonlySet<string>): void {
    let goneCount = 0;
    // Backwards: the youngest are kept.
    for (const [sender, taken] of [...this.#taken].toReversed()) {
      if (nodeIds.has(sender)) continue;
      taken.close();
      goneCount += 1;
      if (goneCount > clusterLimits.goneSendersMax) this.#taken.delete(sender);
    }
  }

  #macOf({ from, to, path, attachment, request }: SealedCall, number: number): Buffer {
    return this.#mac([from, to, path, number, attachment], request);
  }

  /** No call says the same: its fourth part is a number. */
  #macOfAnswer({ from, to, of, number, answer }: SealedAnswer): Buffer {
    return this.#mac(["answer", from, to, of, number], answer);
  }

  #mac(said: readonly (string | number)[], bytes: Uint8Array): Buffer {
    return createHmac("sha256", this.#key)
      .update(JSON.stringify([...said, hash("sha256", bytes, "hex")]))
      .digest();
  }
}

function isSame(mac: Buffer, expected: Buffer): boolean {
  return mac.length === expected.length && timingSafeEqual(mac, expected);
}

class TakenNumbers {
  #highest = 0;
  /** Up to here all count as taken. */
  #closed = 0;
  #taken = new Set<number>();

  /** What is late does not come any more. */
  close(): void {
    this.#closed = this.#highest;
    this.#taken.clear();
  }

  take(number: number): boolean {
    if (number <= this.#closed || number <= this.#highest - window || this.#taken.has(number)) return false;
    this.#taken.add(number);
    this.#highest = Math.max(this.#highest, number);
    if (this.#taken.size > 2 * window)
      this.#taken = new Set([...this.#taken].filter((one) => one > this.#highest - window));
    return true;
  }
}
