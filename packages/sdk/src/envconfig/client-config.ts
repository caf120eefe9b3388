/**
 * How to reach the server, from outside the program: variables of the environment over a profile of a file. Each variable is read as `PAWL_…` and as
 * `TEMPORAL_…`, and the first counts.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "../connection/connection.ts";
import type { TlsConfig } from "../transport/transport.ts";
import { loadClientConfigFromToml, metaName } from "./config-toml.ts";
import type { ClientConfig, ClientConfigProfile, ClientConfigTLS, ConfigDataSource } from "./profile.ts";

/** Where a configuration comes from, and how strictly it is read. */
export interface LoadClientConfigOptions {
  /** In place of the file. */
  configSource?: ConfigDataSource;
  /** Keys that nobody knows are errors. Default: they are passed over. */
  configFileStrict?: boolean;
  /** In place of the process's environment. */
  overrideEnvVars?: Record<string, string>;
}

/** Which profile is loaded, and from where. */
export interface LoadClientProfileOptions extends LoadClientConfigOptions {
  /** Default: that of `PAWL_PROFILE` or `TEMPORAL_PROFILE`, else `default`. */
  profile?: string;
  /** No file is read, unless `configSource` names one. */
  disableFile?: boolean;
  /** No variable of the environment is read. */
  disableEnv?: boolean;
}

/** What a profile says, for `Connection.connect` and for the options of a client. */
export interface ClientConnectConfig {
  connectionOptions: ConnectionOptions;
  namespace?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const prefixes = ["PAWL_", "TEMPORAL_"] as const;
const profileDefault = "default";

/** For `Connection.connect` and the `namespace` of a client or worker. Throws as {@link loadClientConfigProfile} does. */
export function loadClientConnectConfig(options: LoadClientProfileOptions = {}): ClientConnectConfig {
  return toClientOptions(loadClientConfigProfile(options));
}

/** Throws `TypeError` naming the variable, key or profile at fault, and when a file that is named cannot be read. */
export function loadClientConfigProfile(options: LoadClientProfileOptions = {}): ClientConfigProfile {
  const environment = options.disableEnv ? {} : (options.overrideEnvVars ?? process.env);
  const named = options.profile ?? variable(environment, "PROFILE")?.value;
  const { profiles } = options.disableFile && !options.configSource ? { profiles: {} } : loadFile(options, environment);
  const name = named ?? profileDefault;
  if (!Object.hasOwn(profiles, name)) {
    const isAsked = named !== undefined && named !== profileDefault && (!options.disableFile || options.configSource);
    if (isAsked) throw new TypeError(`the configuration has no profile ${JSON.stringify(name)}`);
  }
  const profile = (profiles as ClientConfig["profiles"])[name] ?? {};
  return withEnvironment(profile, environment);
}

/** All profiles of the file, without the environment's variables. */
export function loadClientConfig(options: LoadClientConfigOptions = {}): ClientConfig {
  return loadFile(options, options.overrideEnvVars ?? process.env);
}

function loadFile({ configSource, configFileStrict }: LoadClientConfigOptions, environment: Environment): ClientConfig {
  const named = variable(environment, "CONFIG_FILE")?.value;
  const source = configSource ?? { path: named ?? defaultConfigPath(environment) };
  const isOptional = configSource === undefined && named === undefined;
  if (isOptional && "path" in source && !existsSync(source.path)) return { profiles: {} };
  return loadClientConfigFromToml(bytesOf(source, "the configuration file")!, { strict: configFileStrict ?? false });
}

/** The path where the official tools look for the file, too, so that one file serves all. */
export function defaultConfigPath(environment: Environment = process.env): string {
  const home = environment["HOME"] ?? homedir();
  const folder =
    process.platform === "darwin"
      ? join(home, "Library", "Application Support")
      : process.platform === "win32"
        ? (environment["AppData"] ?? environment["APPDATA"] ?? join(home, "AppData", "Roaming"))
        : (environment["XDG_CONFIG_HOME"] ?? join(home, ".config"));
  return join(folder, "temporalio", "temporal.toml");
}

function withEnvironment(profile: ClientConfigProfile, environment: Environment): ClientConfigProfile {
  const text = (name: string, otherwise: string | undefined) => variable(environment, name)?.value ?? otherwise;
  const fields = {
    address: text("ADDRESS", profile.address),
    namespace: text("NAMESPACE", profile.namespace),
    apiKey: text("API_KEY", profile.apiKey),
    tls: tlsOf(profile.tls, environment),
    grpcMeta: metadataOf(profile.grpcMeta, environment),
    codec: codecOf(profile.codec, environment),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function tlsOf(tls: ClientConfigTLS | undefined, environment: Environment): ClientConfigTLS | undefined {
  const switched = flag(environment, "TLS");
  const sources = {
    clientCert: "TLS_CLIENT_CERT",
    clientKey: "TLS_CLIENT_KEY",
    serverCACert: "TLS_SERVER_CA_CERT",
  } as const;
  const found = Object.entries(sources).map(([key, name]) => {
    const path = variable(environment, `${name}_PATH`);
    const data = variable(environment, `${name}_DATA`);
    if (path && data) throw new TypeError(`${path.name} and ${data.name} exclude each other`);
    return [key, path ? { path: path.value } : data && { data: data.value }] as const;
  });
  const said = {
    ...Object.fromEntries(found.filter(([, source]) => source !== undefined)),
    ...optional("serverName", variable(environment, "TLS_SERVER_NAME")?.value),
    ...optional("disableHostVerification", flag(environment, "TLS_DISABLE_HOST_VERIFICATION")),
    // The variable says whether there is TLS, the key of the file whether there is none.
    ...optional("disabled", switched === undefined ? undefined : !switched),
  };
  return tls || Object.keys(said).length > 0 ? { ...tls, ...said } : undefined;
}

function metadataOf(known: Record<string, string> | undefined, environment: Environment) {
  const metadata = { ...known };
  // The one that counts comes last.
  for (const prefix of prefixes.toReversed()) {
    for (const [name, value] of Object.entries(environment)) {
      if (value === undefined || !name.startsWith(`${prefix}GRPC_META_`)) continue;
      const key = metaName(name.slice(`${prefix}GRPC_META_`.length));
      // An empty one takes away what the file says.
      if (value === "") delete metadata[key];
      else metadata[key] = value;
    }
  }
  return Object.keys(metadata).length > 0 ? metadata : undefined;
}

function codecOf(codec: ClientConfigProfile["codec"], environment: Environment) {
  const said = {
    ...optional("endpoint", variable(environment, "CODEC_ENDPOINT")?.value),
    ...optional("auth", variable(environment, "CODEC_AUTH")?.value),
  };
  return codec || Object.keys(said).length > 0 ? { ...codec, ...said } : undefined;
}

function variable(environment: Environment, name: string): { name: string; value: string } | undefined {
  for (const prefix of prefixes) {
    const value = environment[prefix + name];
    if (value !== undefined && value !== "") return { name: prefix + name, value };
  }
  return undefined;
}

function flag(environment: Environment, name: string): boolean | undefined {
  const found = variable(environment, name);
  if (!found) return undefined;
  const value = found.value.toLowerCase();
  if (["true", "1"].includes(value)) return true;
  if (["false", "0"].includes(value)) return false;
  throw new TypeError(`${found.name} must be true or false, not ${JSON.stringify(found.value)}`);
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Partial<Record<K, V>>);
}

/** Files that a profile names are read now. Throws `TypeError` when one cannot be, or a certificate is there without its key. */
export function toClientOptions({
  address,
  apiKey,
  namespace,
  tls,
  grpcMeta,
}: ClientConfigProfile): ClientConnectConfig {
  // A key that travels in the open is nobody's any more: with one there is TLS unless it is switched off by name.
  const secure = tls ? toTLSConfig(tls) : apiKey !== undefined ? true : undefined;
  return {
    connectionOptions: {
      ...optional("address", address),
      ...optional("apiKey", apiKey),
      ...optional("metadata", grpcMeta),
      ...optional("tls", secure),
    },
    ...optional("namespace", namespace),
  };
}

/** `false` when TLS is switched off. */
export function toTLSConfig(tls: ClientConfigTLS): TlsConfig | boolean {
  if (tls.disabled) return false;
  const crt = bytesOf(tls.clientCert, "the client's certificate");
  const key = bytesOf(tls.clientKey, "the client's key");
  if ((crt === undefined) !== (key === undefined)) {
    throw new TypeError("TLS of the configuration: a client's certificate and its key come together, or not at all");
  }
  return {
    ...optional("serverNameOverride", tls.serverName),
    ...optional("serverRootCACertificate", bytesOf(tls.serverCACert, "the server's CA certificate")),
    ...optional("disableHostVerification", tls.disableHostVerification),
    ...(crt && key ? { clientCertPair: { crt, key } } : {}),
  };
}

function bytesOf(source: ConfigDataSource | undefined, what: string): Uint8Array | undefined {
  if (!source) return undefined;
  if ("data" in source) return typeof source.data === "string" ? new TextEncoder().encode(source.data) : source.data;
  try {
    return readFileSync(source.path);
  } catch (error) {
    throw new TypeError(`${what} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
