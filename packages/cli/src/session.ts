/** What a command works with: calls to the server that the command line, the environment and the configuration file name, and the output. */
import { hostname, userInfo } from "node:os";
import type { Connection } from "@pawl/sdk/client";
import type { MessageCodec } from "@pawl/sdk/codec";
import { type ClientConfigProfile, loadClientConfigProfile, toClientOptions } from "@pawl/sdk/envconfig";
import { type Init, type MethodName, methods, type RequestOf, type ResponseOf } from "@pawl/sdk/proto";
import type { GlobalValues } from "./command/global-flags.ts";
import { Failure } from "./failure.ts";
import type { Json } from "./output/json.ts";
import { Output } from "./output/output.ts";
import { pairs } from "./output/pairs.ts";

/** Longer than any call waits by itself; `--command-timeout` ends it sooner. */
const unhurriedMs = 24 * 3_600_000;

const codecTimeoutMs = 30_000;

/** How payloads stand in JSON. */
export interface PayloadForm {
  /** With their metadata and in base64, as the official command line prints them whatever its flags say, and as replayers need them. */
  readonly isFull?: boolean;
}

export class Session {
  readonly flags: GlobalValues;
  readonly output: Output;
  readonly identity: string;
  #profile: ClientConfigProfile | undefined;
  #connection: Promise<Connection> | undefined;
  #codec: Promise<MessageCodec | undefined> | undefined;
  #toJson: typeof import("@pawl/sdk/proto/json") | undefined;
  readonly #deadline: AbortSignal | undefined;

  constructor(flags: GlobalValues) {
    this.flags = flags;
    this.output = new Output(flags);
    this.identity = flags.identity ?? `pawl-cli:${userName()}@${hostname()}`;
    this.#deadline = flags.commandTimeout === undefined ? undefined : AbortSignal.timeout(flags.commandTimeout);
  }

  get namespace(): string {
    return this.flags.namespace ?? this.profile.namespace ?? "default";
  }

  get address(): string {
    return this.flags.address ?? this.profile.address ?? "127.0.0.1:7233";
  }

  /** What a `requestId` needs to be so that a retry changes nothing. */
  requestId(): string {
    return crypto.randomUUID();
  }

  /** Throws {@link Failure} that says what the server said, or that there is none. */
  async call<N extends MethodName>(name: N, request: Init<RequestOf<N>>): Promise<ResponseOf<N>> {
    return this.#answered(name, request, this.#deadline ? unhurriedMs : undefined);
  }

  /** Undefined when there is no such thing. */
  async find<N extends MethodName>(name: N, request: Init<RequestOf<N>>): Promise<ResponseOf<N> | undefined> {
    try {
      return await this.call(name, request);
    } catch (error) {
      const { isMissing } = await import("./command/refusal.ts");
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** The same, with another server. */
  at(address: string): Session {
    return new Session({ ...this.flags, address });
  }

  /** A call that the server answers when something has happened, in minutes perhaps. */
  async wait<N extends MethodName>(name: N, request: Init<RequestOf<N>>): Promise<ResponseOf<N>> {
    return this.#answered(name, request, unhurriedMs);
  }

  /** A response as JSON, payloads in short unless `isFull` or `--no-json-shorthand-payloads` says otherwise. */
  async json<N extends MethodName>(name: N, response: ResponseOf<N>, form: PayloadForm = {}): Promise<Json> {
    const codec = methods[name].response;
    return this.messageJson(codec.typeName, codec.encode(response as never), form);
  }

  async messageJson(typeName: string, bytes: Uint8Array, { isFull = false }: PayloadForm = {}): Promise<Json> {
    this.#toJson ??= await import("@pawl/sdk/proto/json");
    return this.#toJson.messageToJson(typeName, bytes, { shorthand: !isFull && !this.flags.noJsonShorthandPayloads });
  }

  async close(): Promise<void> {
    await (await this.#connection?.catch(() => undefined))?.close();
  }

  get profile(): ClientConfigProfile {
    if (this.#profile) return this.#profile;
    const { flags } = this;
    this.#profile = orUsage(() =>
      loadClientConfigProfile({
        ...(flags.profile !== undefined && { profile: flags.profile }),
        ...(flags.configFile !== undefined && { configSource: { path: flags.configFile } }),
        ...{ disableFile: flags.disableConfigFile, disableEnv: flags.disableConfigEnv },
      }),
    );
    return this.#profile;
  }

  async #answered<N extends MethodName>(
    name: N,
    request: Init<RequestOf<N>>,
    timeoutMs: number | undefined,
  ): Promise<ResponseOf<N>> {
    const codec = await this.#messageCodec();
    const encoded = codec ? await codec.encode(request) : request;
    let answer: ResponseOf<N>;
    try {
      this.#connection ??= this.#connect();
      answer = await (await this.#connection).call(name, encoded, { signal: this.#deadline, timeoutMs });
    } catch (error) {
      if (this.#deadline?.aborted)
        throw new Failure("environment", `--command-timeout is over: ${name} has not been answered`);
      // Loaded when it is needed: it brings gRPC along.
      const { refusalText } = await import("./command/refusal.ts");
      throw refusalText(error, { address: this.address, namespace: this.namespace });
    }
    return codec ? codec.decode(answer) : answer;
  }

  /** Undefined where no codec server is named. */
  #messageCodec(): Promise<MessageCodec | undefined> {
    this.#codec ??= this.#openCodec();
    return this.#codec;
  }

  async #openCodec(): Promise<MessageCodec | undefined> {
    const { flags, namespace } = this;
    const { endpoint = "", auth } = this.profile.codec ?? {};
    const named = flags.codecEndpoint ?? endpoint;
    if (named === "") return undefined;
    const [{ MessageCodec }, { RemoteCodec }] = await Promise.all([
      import("@pawl/sdk/codec"),
      import("./remote-codec.ts"),
    ]);
    const headers = pairs(flags.codecHeader, "--codec-header");
    const timeoutMs = flags.commandTimeout ?? codecTimeoutMs;
    const remote = new RemoteCodec({ endpoint: named, namespace, auth: flags.codecAuth ?? auth, headers, timeoutMs });
    return new MessageCodec([remote]);
  }

  async #connect(): Promise<Connection> {
    const { flags } = this;
    const { connectionOptions } = orUsage(() => toClientOptions(withFlags(this.profile, flags)));
    const { Connection } = await import("@pawl/sdk/client");
    const connection = orUsage(() => Connection.lazy({ ...connectionOptions, address: this.address }));
    try {
      // Not tried again: who waits for a prompt wants to hear at once that nobody answers.
      await connection.call("GetSystemInfo", {}, { timeoutMs: flags.clientConnectTimeout ?? 10_000, retry: false });
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }
}

/** The configuration names what is wrong with it in a `TypeError`. */
function orUsage<R>(read: () => R): R {
  try {
    return read();
  } catch (error) {
    throw error instanceof TypeError ? new Failure("usage", error.message) : error;
  }
}

function withFlags(profile: ClientConfigProfile, flags: GlobalValues): ClientConfigProfile {
  const tls = {
    ...profile.tls,
    ...(flags.tls !== undefined && { disabled: !flags.tls }),
    ...(flags.tlsServerName !== undefined && { serverName: flags.tlsServerName }),
    ...(flags.tlsDisableHostVerification && { disableHostVerification: true }),
    ...(flags.tlsCertPath !== undefined && { clientCert: { path: flags.tlsCertPath } }),
    ...(flags.tlsKeyPath !== undefined && { clientKey: { path: flags.tlsKeyPath } }),
    ...(flags.tlsCaPath !== undefined && { serverCACert: { path: flags.tlsCaPath } }),
    ...(flags.tlsCertData !== undefined && { clientCert: { data: flags.tlsCertData } }),
    ...(flags.tlsKeyData !== undefined && { clientKey: { data: flags.tlsKeyData } }),
    ...(flags.tlsCaData !== undefined && { serverCACert: { data: flags.tlsCaData } }),
  };
  const grpcMeta = { ...profile.grpcMeta, ...pairs(flags.grpcMeta, "--grpc-meta") };
  return {
    ...profile,
    ...(flags.apiKey !== undefined && { apiKey: flags.apiKey }),
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(Object.keys(grpcMeta).length > 0 && { grpcMeta }),
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown"; // a user without an entry in the system's list, as in some containers
  }
}
