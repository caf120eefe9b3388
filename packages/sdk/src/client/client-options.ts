/** What every client is made with. */
import { hostname } from "node:os";
import type { Init, MethodName, RequestOf, ResponseOf } from "@pawl/protocol";
import { loadDataConverter } from "../codec/load-data-converter.ts";
import { MessageCodec } from "../codec/message-codec.ts";
import { type CallOptions, Connection } from "../connection/connection.ts";
import type { DataConverter, LoadedDataConverter } from "../value/data-converter.ts";
import type { StorageDriverTargetInfo } from "../value/external-storage.ts";
import type { FailureConverter } from "../value/failure-converter.ts";
import type { PayloadConverter } from "../value/payload-converter.ts";

/** What every client takes. */
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

/** The same with their defaults, shared by the clients that a client is made of. */
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

/** Throws `TypeError` or `ValueError` for an invalid data converter. */
export function resolveClientOptions(options: BaseClientOptions = {}): ResolvedClientOptions {
  // What a client has resolved serves the clients that it is made of.
  if ("messageCodec" in options) return options as ResolvedClientOptions;
  const connection = options.connection ?? Connection.lazy();
  const loadedDataConverter = loadDataConverter(options.dataConverter);
  const { payloadConverter, failureConverter, externalStorage } = loadedDataConverter;
  const messageCodec = new MessageCodec(loadedDataConverter.payloadCodecs, externalStorage);
  const namespace = options.namespace ?? "default";
  return {
    ...{ connection, namespace },
    identity: options.identity ?? `${process.pid}@${hostname()}`,
    ...{ loadedDataConverter, payloadConverter, failureConverter, messageCodec },
    call: async (name, request, callOptions) => {
      const encoded = await messageCodec.encode(request, externalStorage && targetOf(request, namespace));
      return await messageCodec.decode(await connection.call(name, encoded, callOptions));
    },
  };
}

/** The execution that a request is about: most name it in one of these fields. */
export function targetOf(request: unknown, namespace: string): StorageDriverTargetInfo {
  const { workflowId, workflowType, workflowExecution, activityId, activityType, runId } = request as {
    readonly workflowId?: string;
    readonly workflowType?: { readonly name?: string };
    readonly workflowExecution?: { readonly workflowId?: string; readonly runId?: string };
    readonly activityId?: string;
    readonly activityType?: { readonly name?: string };
    readonly runId?: string;
  };
  const id = workflowId || workflowExecution?.workflowId;
  if (activityId) return { kind: "activity", namespace, ...known({ id: activityId, type: activityType?.name }) };
  return {
    kind: "workflow",
    namespace,
    ...known({ id, runId: workflowExecution?.runId || runId, type: workflowType?.name }),
  };
}

function known<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value)) as never;
}
