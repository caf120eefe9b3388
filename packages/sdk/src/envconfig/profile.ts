/** What a profile of the configuration says: how to reach a server, and as whom. */

/** A file by its path, or its content. */
export type ConfigDataSource = { path: string } | { data: string | Uint8Array };

/** TLS settings of a profile. TLS is used when they are present, unless `disabled`, and by a profile with an API key. */
export interface ClientConfigTLS {
  disabled?: boolean;
  serverName?: string;
  /** PEM, as are the other two. */
  clientCert?: ConfigDataSource;
  clientKey?: ConfigDataSource;
  serverCACert?: ConfigDataSource;
  /** Any certificate will do, whoever shows it: for tests alone. */
  disableHostVerification?: boolean;
}

/** How to reach one server. What is absent is left to the defaults of `Connection` and `Client`. */
export interface ClientConfigProfile {
  address?: string;
  namespace?: string;
  apiKey?: string;
  tls?: ClientConfigTLS;
  /** Sent with each call. Names in lower case, with hyphens. */
  grpcMeta?: Record<string, string>;
  /** A server that decodes payloads for tools; the SDK itself does not use it. */
  codec?: { endpoint?: string; auth?: string };
}

/** Profiles by their names. */
export interface ClientConfig {
  profiles: Record<string, ClientConfigProfile>;
}
