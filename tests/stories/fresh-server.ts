import { type RunningServer, startReference } from "../rig/server.ts";
import { Connection } from "./connection.ts";
import { play, type Recorded, type Story } from "./story.ts";

type Start = () => Promise<RunningServer>;

/** A server that is started when the first story needs it, and plays only so many at once. */
export class FreshServer {
  readonly #startServer: Start;
  #free: number;
  readonly #waiting: (() => void)[] = [];
  #started: Promise<{ server: RunningServer; connection: Connection }> | undefined;

  constructor(atOnce: number, startServer: Start = startReference) {
    this.#free = atOnce;
    this.#startServer = startServer;
  }

  async play(story: Story): Promise<Recorded[]> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
    try {
      this.#started ??= this.#start();
      return await play(story, (await this.#started).connection);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  async close(): Promise<void> {
    const started = await this.#started;
    started?.connection.close();
    await started?.server.kill9();
  }

  async #start() {
    const server = await this.#startServer();
    return { server, connection: await Connection.open(server.address) };
  }
}
