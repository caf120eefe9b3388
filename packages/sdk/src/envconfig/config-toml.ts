/** The configuration file: TOML, with a table for each profile. */
import { parse, stringify, type TomlTable } from "smol-toml";
import { errorMessage } from "../value/errors.ts";
import type { ClientConfig, ClientConfigProfile, ClientConfigTLS, ConfigDataSource } from "./profile.ts";

/** How strictly a file is read. */
export interface ClientConfigFromTomlOptions {
  /** Keys that nobody knows are errors. Default: they are passed over. */
  strict?: boolean;
}

type Table = Record<string, unknown>;
type Kind = "string" | "boolean" | "table";

const profileKeys = {
  address: "string",
  namespace: "string",
  api_key: "string",
  tls: "table",
  codec: "table",
  grpc_meta: "table",
} as const satisfies Record<string, Kind>;

const tlsKeys = {
  disabled: "boolean",
  server_name: "string",
  disable_host_verification: "boolean",
  client_cert_path: "string",
  client_cert_data: "string",
  client_key_path: "string",
  client_key_data: "string",
  server_ca_cert_path: "string",
  server_ca_cert_data: "string",
} as const satisfies Record<string, Kind>;

const codecKeys = { endpoint: "string", auth: "string" } as const satisfies Record<string, Kind>;

/** Throws `TypeError` naming the key at fault. */
export function loadClientConfigFromToml(
  tomlData: Uint8Array | string,
  { strict = false }: ClientConfigFromTomlOptions = {},
): ClientConfig {
  const text = typeof tomlData === "string" ? tomlData : new TextDecoder().decode(tomlData);
  let document: Table;
  try {
    document = parse(text);
  } catch (error) {
    throw new TypeError(`the configuration is not valid TOML: ${errorMessage(error)}`, { cause: error });
  }
  const { profile: profiles = {} } = checked(document, { profile: "table" }, "the configuration", strict);
  const entries = Object.entries(profiles as Table).map(([name, table]) => {
    if (!isTable(table)) throw new TypeError(`profile.${name} must be a table`);
    return [name, profileOf(table, `profile.${name}`, strict)] as const;
  });
  return { profiles: Object.fromEntries(entries) };
}

/** The file that {@link loadClientConfigFromToml} reads the same configuration from. */
export function clientConfigToToml({ profiles }: ClientConfig): Uint8Array {
  const tables = Object.entries(profiles).map(([name, profile]) => [name, tableOf(profile)]);
  return new TextEncoder().encode(stringify({ profile: Object.fromEntries(tables) }));
}

function profileOf(table: Table, where: string, strict: boolean): ClientConfigProfile {
  const { address, namespace, api_key: apiKey, tls, codec, grpc_meta } = checked(table, profileKeys, where, strict);
  const meta = Object.entries((grpc_meta ?? {}) as Table).map(([name, value]) => {
    if (typeof value !== "string") throw new TypeError(`${where}.grpc_meta.${name} must be a string`);
    return [metaName(name), value];
  });
  return withoutAbsent({
    ...{ address, namespace, apiKey },
    tls: tls && tlsOf(checked(tls, tlsKeys, `${where}.tls`, strict), `${where}.tls`),
    codec: codec && withoutAbsent(checked(codec, codecKeys, `${where}.codec`, strict)),
    grpcMeta: meta.length > 0 ? Object.fromEntries(meta) : undefined,
  }) as ClientConfigProfile;
}

/** Names of metadata are in lower case and have hyphens. */
export function metaName(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

function tlsOf(table: Values<typeof tlsKeys>, where: string): ClientConfigTLS {
  const source = (name: "client_cert" | "client_key" | "server_ca_cert"): ConfigDataSource | undefined => {
    const path = table[`${name}_path`];
    const data = table[`${name}_data`];
    if (path !== undefined && data !== undefined)
      throw new TypeError(`${where}: ${name}_path and ${name}_data exclude each other`);
    if (path !== undefined) return { path };
    return data === undefined ? undefined : { data };
  };
  return withoutAbsent({
    disabled: table.disabled,
    serverName: table.server_name,
    disableHostVerification: table.disable_host_verification,
    clientCert: source("client_cert"),
    clientKey: source("client_key"),
    serverCACert: source("server_ca_cert"),
  }) as ClientConfigTLS;
}

function tableOf({ address, namespace, apiKey, tls, codec, grpcMeta }: ClientConfigProfile): TomlTable {
  const sourced = (name: string, source: ConfigDataSource | undefined) => {
    if (!source) return {};
    if ("path" in source) return { [`${name}_path`]: source.path };
    const { data } = source;
    return { [`${name}_data`]: typeof data === "string" ? data : new TextDecoder().decode(data) };
  };
  return withoutAbsent({
    ...{ address, namespace, api_key: apiKey, grpc_meta: grpcMeta, codec },
    tls: tls && {
      ...withoutAbsent({
        disabled: tls.disabled,
        server_name: tls.serverName,
        disable_host_verification: tls.disableHostVerification,
      }),
      ...sourced("client_cert", tls.clientCert),
      ...sourced("client_key", tls.clientKey),
      ...sourced("server_ca_cert", tls.serverCACert),
    },
  }) as TomlTable;
}

type Values<K extends Record<string, Kind>> = {
  [N in keyof K]?: K[N] extends "string" ? string : K[N] extends "boolean" ? boolean : Table;
};

function checked<const K extends Record<string, Kind>>(
  table: Table,
  keys: K,
  where: string,
  strict: boolean,
): Values<K> {
  for (const [name, value] of Object.entries(table)) {
    const kind = Object.hasOwn(keys, name) ? keys[name] : undefined;
    if (kind === undefined) {
      if (strict) throw new TypeError(`${where}: unknown key ${name}; it may be ${Object.keys(keys).join(", ")}`);
      continue;
    }
    const isRight = kind === "table" ? isTable(value) : typeof value === kind;
    if (!isRight) throw new TypeError(`${where}.${name} must be a ${kind}`);
  }
  return table as Values<K>;
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function withoutAbsent(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
