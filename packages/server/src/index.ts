export { makeApiKey } from "./access/api-key.ts";
export { type AuthFile, authFileText, parseAuthFile, type StoredKey } from "./access/auth-file.ts";
export type { AddressRule } from "./address-rules.ts";
export { type Clock, SkippingClock } from "./clock.ts";
export {
  type AuthConfig,
  type ClusterConfig,
  checkConfig,
  defaultIp,
  defaultPort,
  type FurtherCall,
  type ListenConfig,
  type NodeTlsConfig,
  type OpenConfig,
  type ServerConfig,
  StartFailure,
  type TlsConfig,
  type WebPage,
  type WebPages,
} from "./config.ts";
export type { Listening } from "./listeners.ts";
export { type OpenServer, openServer, type RunningServer, startServer } from "./main.ts";
export type { DirectCallOptions } from "./rpc/direct-transport.ts";
export type { Status } from "./rpc/transport.ts";
export type { Standing } from "./shard/standing.ts";
export { Metrics, type Sample } from "./telemetry/metrics.ts";
export { openTracing, type SpanTarget, type Tracing, type TracingConfig } from "./telemetry/span-export.ts";
export {
  createLog,
  type Log,
  type LogFormat,
  type LogLevel,
  logFormats,
  logLevels,
  quietTelemetry,
  type Telemetry,
} from "./telemetry/telemetry.ts";
export type { Sampler } from "./telemetry/trace-context.ts";
export type { Attributes, Traces } from "./telemetry/traces.ts";
