/** What every client is made with. */
import { hostname } from "node:os";
import type { Init, MethodName, RequestOf, ResponseOf } from "@pawl/protocol";
import { loadDataConverter } from "../codec/load-data-converter.ts";
import { MessageCodec } from "../codec/message-codec.ts";
import { type CallOptions, Connection } from "../connection/connection.ts";
import type { DataConverter, LoadedDataConverter } from "../value/data-converter.ts";
import type { FailureConverter } from "../value/failure-converter.ts";
import type { PayloadConverter } from "../value/payload-converter.ts";

export interface BaseClientOptions {
  /** Default: one to `localhost:7233`, made at the first call. */
  connection?: Connection;
  /** Default: `"default"`. */
  namespace?: string;
  /** Who calls, in histories. Default: process id and host name. */
  identity?: string;
  /** Default: JSON, bytes and `undefined`, without codecs. */
  dataConverter?: DataConverter;
}

/** One call of the server: what its payloads say is encoded on the way there and decoded on the way back. */
export type Call = <N extends MethodName>(
  name: N,
  request: Init<RequestOf<N>>,
  options?: CallOptions,
) => Promise<ResponseOf<N>>;

export interface ResolvedClientOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly identity: string;
  readonly loadedDataConverter: LoadedDataConverter;
  readonly payloadConverter: PayloadConverter;
  readonly failureConverter: FailureConverter;
  readonly messageCodec: MessageCodec;
  readonly call: Call;
}

/** Throws `TypeError` or `ValueError` for a data converter that is none. */
export function resolveClientOptions(options: BaseClientOptions = {}): ResolvedClientOptions {
  // What a client has resolved serves the clients that it is made of.
  if ("messageCodec" in options) return options as ResolvedClientOptions;
  const connection = options.connection ?? Connection.lazy();
  const loadedDataConverter = loadDataConverter(options.dataConverter);
  const { payloadConverter, failureConverter } = loadedDataConverter;
  const messageCodec = new MessageCodec(loadedDataConverter.payloadCodecs);
  return {
    connection,
    namespace: options.namespace ?? "default",
    identity: options.identity ?? `${process.pid}@${hostname()}`,
    ...{ loadedDataConverter, payloadConverter, failureConverter, messageCodec },
    call: async (name, request, callOptions) =>
      await messageCodec.decode(await connection.call(name, await messageCodec.encode(request), callOptions)),
  };
}
