/** A process of hostile clients: `attacker.ts ADDRESS ATTACK,ATTACK CONNECTIONS SECONDS`. Prints one line of JSON: what became of their connections. */
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type Attack, type Attacker, attacks, noise } from "./attacks.ts";

export interface Attacked {
  readonly connections: number;
  /** Of these, how many the server has closed. */
  readonly closed: number;
  readonly bytesSent: number;
}

/** What the server does not read stays with it, and does not fill the memory here. */
const unreadBytesMax = 1 << 20;
const turnMs = 20;
/** A flood is noticed by what it costs, which takes as long as this process and the server come to their turns: by then they have. */
const secondsMax = 300;

/** The connections of one attack. */
class Gang {
  readonly #attack: Attack;
  readonly #connections: { readonly socket: Socket; readonly attacker: Attacker }[];
  #closed = 0;
  #bytesSent = 0;
  /** How often each connection has repeated itself. */
  #said = 0;

  constructor(attack: Attack, count: number) {
    this.#attack = attack;
    this.#connections = Array.from({ length: count }, () => this.#open());
    for (const { attacker } of this.#connections) attack.begin(attacker);
  }

  #open() {
    const socket = connect(Number(port), host);
    let streams = 0;
    // Who floods a connection does not listen to what it hears, and learns from a failing write that it is closed.
    if (this.#attack.ends !== "at once" || !this.#attack.again) socket.resume();
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#closed += 1;
    });
    const say = (bytes: Uint8Array) => {
      if (socket.destroyed) return;
      this.#bytesSent += bytes.byteLength;
      socket.write(bytes);
    };
    return { socket, attacker: { say, stream: () => 2 * streams++ + 1 } };
  }

  goOn(elapsedSeconds: number): void {
    const { perSecond = 0, say } = this.#attack.again ?? {};
    const due = Math.floor(elapsedSeconds * perSecond);
    for (const { socket, attacker } of this.#connections) {
      // What is said in one turn goes in one write.
      socket.cork();
      for (let at = this.#said; at < due && !socket.destroyed && socket.writableLength < unreadBytesMax; at++)
        say?.(attacker);
      socket.uncork();
    }
    this.#said = due;
  }

  /** It goes on until the server has cut off those that it has to cut off at once. */
  get isOver(): boolean {
    return this.#attack.ends !== "at once" || this.#closed === this.#connections.length;
  }

  result(): Attacked {
    return { connections: this.#connections.length, closed: this.#closed, bytesSent: this.#bytesSent };
  }
}

const [address = "", names = "", count = "1", seconds = "1"] = process.argv.slice(2);
const [host = "", port] = address.split(":");
const gangs = new Map(
  names.split(",").map((name) => {
    const attack = [...attacks, noise].find((each) => each.name === name);
    if (!attack) throw new Error(`no attack ${name}`);
    return [name, new Gang(attack, Number(count))];
  }),
);
const beganAtMs = performance.now();
const isOver = () => [...gangs.values()].every((gang) => gang.isOver);
for (
  let elapsed = 0;
  elapsed < Number(seconds) || (elapsed < secondsMax && !isOver());
  elapsed = (performance.now() - beganAtMs) / 1_000
) {
  await delay(turnMs);
  for (const gang of gangs.values()) gang.goOn(elapsed);
}
console.log(JSON.stringify(Object.fromEntries([...gangs].map(([name, gang]) => [name, gang.result()]))));
process.exit();
