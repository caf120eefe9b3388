/** `@pawl/server/settings`: what whoever starts a server must know before there is one. Loads nothing of it, so that a command line can say what its flags are at once. */
export { defaultIp, defaultPort } from "./config.ts";
export { traceLimits } from "./limits.ts";
export { type LogFormat, type LogLevel, logFormats, logLevels } from "./telemetry/telemetry.ts";
