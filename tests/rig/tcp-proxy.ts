/**
 * A network between two processes that can be made bad: it delays, swallows one way until it is healed, or cuts a connection when a reply comes,
 * so that what was asked for has been done and nobody hears of it.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** From who connects, and back to him. */
export type Direction = "there" | "back";

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #connections = new Set<readonly [Pipe, Pipe]>();
  readonly #state: State = { delayMs: 0, held: new Set(), cutsLeft: 0 };

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (near) => this.#join(near, connect({ port: targetPort, host: "127.0.0.1" })));
  }

  static async to(targetPort: number): Promise<TcpProxy> {
    const server = createServer({ noDelay: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(server, targetPort);
  }

  /** All that is said takes so much longer, each way. */
  slow(delayMs: number): void {
    this.#state.delayMs = delayMs;
  }

  /** What goes this way does not arrive, ends of connections neither. It is not lost: `heal` brings it, as TCP would. */
  hold(direction: Direction): void {
    this.#state.held.add(direction);
  }

  /** The connections of the next so many replies end when these come, without them. */
  cut(replies: number): void {
    this.#state.cutsLeft = replies;
  }

  /** The connections that are there bring nothing more, either way and for good, and do not end; new ones do: a router has forgotten them. */
  forget(): void {
    for (const pipes of this.#connections) for (const pipe of pipes) pipe.isForgotten = true;
  }

  /** Its machine is gone: the connections that are there bring nothing more and do not end, and new ones are not taken up. */
  vanish(): void {
    this.forget();
    this.#server.close();
  }

  heal(): void {
    Object.assign(this.#state, { delayMs: 0, cutsLeft: 0 });
    this.#state.held.clear();
    for (const pipes of this.#connections) for (const pipe of pipes) pipe.flush();
  }

  close(): void {
    this.#server.close();
    for (const pipes of this.#connections) for (const pipe of pipes) pipe.end();
  }

  #join(near: Socket, far: Socket): void {
    const there = new Pipe(near, far, () => this.#state.held.has("there"), this.#state);
    const back = new Pipe(far, near, () => this.#state.held.has("back"), this.#state);
    const pipes = [there, back] as const;
    this.#connections.add(pipes);
    const forget = () => {
      if (near.destroyed && far.destroyed) this.#connections.delete(pipes);
    };
    for (const socket of [near, far]) socket.on("close", forget).on("error", () => {}); // "close" follows
    near.on("data", (chunk) => there.push(chunk));
    far.on("data", (chunk) => {
      if (this.#state.cutsLeft === 0) return back.push(chunk);
      this.#state.cutsLeft -= 1;
      there.end();
      back.end();
    });
    near.on("close", () => there.push("end"));
    far.on("close", () => back.push("end"));
  }
}

interface State {
  delayMs: number;
  readonly held: Set<Direction>;
  cutsLeft: number;
}

/** One direction of a connection. */
class Pipe {
  readonly #to: Socket;
  readonly #isHeld: () => boolean;
  readonly #state: State;
  readonly #from: Socket;
  #waiting: { readonly what: Buffer | "end"; readonly dueAtMs: number }[] = [];
  isForgotten = false;

  constructor(from: Socket, to: Socket, isHeld: () => boolean, state: State) {
    this.#from = from;
    this.#to = to;
    this.#isHeld = isHeld;
    this.#state = state;
  }

  push(what: Buffer | "end"): void {
    const { delayMs } = this.#state;
    this.#waiting.push({ what, dueAtMs: performance.now() + delayMs });
    if (delayMs === 0) this.flush();
    else setTimeout(() => this.flush(), delayMs + 1);
  }

  /** Sends on what is due, in its order. */
  flush(): void {
    const nowMs = performance.now();
    while (!this.#isHeld() && !this.isForgotten) {
      const [first] = this.#waiting;
      if (first === undefined || (first.dueAtMs > nowMs && this.#state.delayMs > 0)) return;
      this.#waiting.shift();
      if (first.what === "end") this.#to.destroy();
      else if (!this.#to.destroyed) this.#to.write(first.what);
    }
  }

  end(): void {
    this.#waiting = [];
    this.#from.destroy();
    this.#to.destroy();
  }
}
