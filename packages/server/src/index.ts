export type { AddressRule } from "./address-rules.ts";
export { checkConfig, defaultIp, defaultPort, type ServerConfig, StartFailure } from "./config.ts";
export { type RunningServer, startServer } from "./main.ts";
export { Metrics, type Sample } from "./metrics.ts";
export {
  createLog,
  type Log,
  type LogFormat,
  type LogLevel,
  logFormats,
  logLevels,
  quietTelemetry,
  type Telemetry,
} from "./telemetry.ts";
