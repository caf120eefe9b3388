/** What every client is made with. */
import { hostname } from "node:os";
import { defaultPayloadConverter, type PayloadConverter } from "../value/payload-converter.ts";
import { Connection } from "./connection.ts";

export interface ClientOptions {
  /** Default: one to `localhost:7233`, made at the first call. */
  connection?: Connection;
  /** Default: `"default"`. */
  namespace?: string;
  /** Who calls, in histories. Default: process id and host name. */
  identity?: string;
  payloadConverter?: PayloadConverter;
}

export interface ResolvedClientOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly identity: string;
  readonly payloadConverter: PayloadConverter;
}

export function resolveClientOptions(options: ClientOptions = {}): ResolvedClientOptions {
  return {
    connection: options.connection ?? Connection.lazy(),
    namespace: options.namespace ?? "default",
    identity: options.identity ?? `${process.pid}@${hostname()}`,
    payloadConverter: options.payloadConverter ?? defaultPayloadConverter,
  };
}
