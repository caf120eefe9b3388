import { statusCodes } from "@pawl/protocol";
import { type OpenServer, openServer } from "@pawl/server";
import type { Answer, CallOptions, Calls } from "./connection.ts";

const nothing = new Uint8Array(0);

/** Pawl inside this process: the same handlers, shards and engine, without a network and with its state in memory. */
export class InMemory implements Calls {
  readonly #server: OpenServer;

  private constructor(server: OpenServer) {
    this.#server = server;
  }

  static async open(): Promise<InMemory> {
    return new InMemory(await openServer({}));
  }

  async unary(
    path: string,
    message: Uint8Array,
    { timeoutMs = 15_000, headers = {} }: CallOptions = {},
  ): Promise<Answer> {
    const answer = await this.#server.call(path, message, { timeoutMs, headers });
    if (answer instanceof Uint8Array) return { status: 0, message: "", details: undefined, body: answer };
    const { code, message: text, details } = answer;
    return { status: statusCodes[code], message: text, details, body: nothing };
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}
