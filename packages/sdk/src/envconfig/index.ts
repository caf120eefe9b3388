/** `@pawl/sdk/envconfig`: how to reach the server, from the environment and a file. */
export {
  type ClientConnectConfig,
  defaultConfigPath,
  type LoadClientConfigOptions,
  type LoadClientProfileOptions,
  loadClientConfig,
  loadClientConfigProfile,
  loadClientConnectConfig,
  toClientOptions,
  toTLSConfig,
} from "./client-config.ts";
export { type ClientConfigFromTomlOptions, clientConfigToToml, loadClientConfigFromToml } from "./config-toml.ts";
export type { ClientConfig, ClientConfigProfile, ClientConfigTLS, ConfigDataSource } from "./profile.ts";
