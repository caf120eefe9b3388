/** `pawl server`: the flags of the official command line's `server start-dev`, as far as something stands behind them. */
import { once } from "node:events";
import type { AddressRule, RunningServer, WebPages } from "@pawl/server";
import { defaultIp, defaultPort, type LogFormat, type LogLevel, logFormats, logLevels } from "@pawl/server/settings";
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { Failure, failedState } from "../failure.ts";
import { addClusterOptions, type ClusterFlags, clusterConfig } from "./server-cluster.ts";
import { addSecurityOptions, type SecurityFlags, securityConfig } from "./server-security.ts";
import { tracingConfig } from "./server-tracing.ts";

export interface Flags extends SecurityFlags, ClusterFlags {
  readonly ip: string;
  readonly port: number;
  readonly dbFilename?: string;
  readonly dbUrl?: string;
  readonly dbReceiptFile?: string;
  readonly namespace?: readonly string[];
  readonly metricsPort?: number;
  readonly httpPort?: number;
  readonly uiPort?: number;
  readonly headless?: boolean;
  readonly uiCodecEndpoint?: string;
  readonly httpPublicUrl?: string;
  readonly httpCorsOrigin?: readonly string[];
  readonly callOutside?: readonly AddressRule[];
  readonly callOutsidePrivate?: boolean;
  readonly namespaceRps?: number;
  readonly namespaceConnections?: number;
  readonly searchAttribute?: Readonly<Record<string, string>>;
  readonly sqlitePragma?: Readonly<Record<string, string | number>>;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly allowRemoteWithoutAuth?: boolean;
}

/** Flags of the official command that ask for what is not here: better refused than ignored. */
const unsupported: readonly { readonly flags: string; readonly why: string }[] = [
  { flags: "--ui-ip <ip>", why: "the web UI listens on the address of --ip" },
  { flags: "--ui-public-path <path>", why: "the web UI stands at the root of its port" },
  { flags: "--ui-asset-path <path>", why: "the web UI is the one that comes with the server" },
  { flags: "--dynamic-config-value <key=value>", why: "this server has no dynamic configuration" },
  { flags: "--log-config", why: "--log-level and --log-format say how it logs" },
];

export function serverCommand(): Command {
  const command = new Command("server")
    .description("Start a server: one process, its state in one file or PostgreSQL database")
    .addArgument(new Argument("[start-dev]", "what the official command line calls the same").choices(["start-dev"]))
    .option(
      "-f, --db-filename <file>",
      "SQLite file that keeps the state; without it the state is lost when the server ends",
    )
    .addOption(
      new Option(
        "--db-url <url>",
        "PostgreSQL database that keeps the state instead, postgres://user:password@host:port/database",
      ).env("PAWL_DB_URL"),
    )
    .addOption(
      new Option(
        "--db-receipt-file <file>",
        "file of this server alone, by which a later start finds out that the database has lost what was acknowledged",
      ).env("PAWL_DB_RECEIPT_FILE"),
    );
  command.option(
    "--config <file>",
    "flags by their names without the dashes, as JSON; those of the command line go before",
  );
  addServerOptions(command);
  addSecurityOptions(command);
  addClusterOptions(command, parsePort);
  for (const { flags } of unsupported) command.addOption(new Option(flags).hideHelp());
  return command.action(async (_alias: string | undefined, flags: Flags) => {
    refuseUnsupported(command);
    await runServer(flags);
  });
}

/** What every command that runs a server understands. */
export function addServerOptions(command: Command): void {
  command
    .option("--ip <address>", "address to listen on", defaultIp)
    .option("-p, --port <port>", "port for gRPC; 0 takes a free one", parsePort, defaultPort)
    .option("-n, --namespace <name>", "make this namespace at the start, beside `default`; may be repeated", append)
    .option(
      "--search-attribute <name=type>",
      "register this search attribute at the start; may be repeated",
      addSearchAttribute,
    )
    .option("--http-port <port>", "serve the API as JSON over HTTP on this port; 0 takes a free one", parsePort)
    .option("--http-public-url <url>", "the address by which callers reach the HTTP API, if it is another one")
    .option("--http-cors-origin <origin>", "web pages of this origin may use the HTTP API; may be repeated", append)
    .option(
      "--call-outside <host>",
      "this server may call https://HOST for callbacks and Nexus endpoints, such as *.example.org; with http:// before it, without TLS too; may be repeated",
      appendAddress,
    )

    .option("--call-outside-private", "those hosts may also have private addresses, such as 10.1.2.3")
    .option("--ui-port <port>", "serve the web UI on this port; 0 takes a free one", parsePort)
    .option("--headless", "without the web UI")
    .option(
      "--ui-codec-endpoint <url>",
      "the codec server that the web UI may ask to decode payloads; its pages can reach no other",
      parseCodecEndpoint,
    )
    .option(
      "--namespace-rps <count>",
      "calls that one namespace may make in a second; default: as many as come",
      Number,
    )
    .option("--namespace-connections <count>", "connections over which one namespace may call; default: 10000", Number)
    .option("--metrics-port <port>", "serve Prometheus metrics at /metrics on this port", parsePort)
    .option(
      "--sqlite-pragma <name=value>",
      "a setting of SQLite's, such as cache_size=-65536; may be repeated",
      addPragma,
    )
    .option(
      "--allow-remote-without-auth",
      "listen on an address that other machines reach, although nobody is asked who they are",
    )
    .addOption(new Option("--log-level <level>", "least serious events to log").choices(logLevels).default("warn"))
    .addOption(new Option("--log-format <format>", "how to write them").choices(logFormats).default("text"));
}

function refuseUnsupported(command: Command): void {
  const given = command.options.find(
    (option) =>
      unsupported.some(({ flags }) => flags === option.flags) &&
      command.getOptionValue(option.attributeName()) !== undefined,
  );
  const found = unsupported.find(({ flags }) => flags === given?.flags);
  if (found) throw new Failure("usage", `${given!.long} is not supported: ${found.why}`);
}

/** Something that runs beside the server, started when it is ready and ended before it. */
export interface Companion {
  stop(): Promise<void>;
}

/** Resolves when the server has stopped by a signal. Throws `Failure` when it had to end by itself. */
export async function runServer(
  flags: Flags,
  begin: (server: RunningServer) => Promise<Companion | undefined> = async () => undefined,
): Promise<void> {
  // Loaded only where one is started: it is most of what there is.
  const { createLog, Metrics, openTracing, startServer } = await import("@pawl/server");
  const log = createLog({
    ...{ level: flags.logLevel, format: flags.logFormat, nowMs: () => Date.now() },
    write: (line) => process.stderr.write(line),
  });
  // Whoever read the output may go: that is no reason for the server to end.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const signals = new Signals();
  const telemetry = { log, metrics: new Metrics(), stopwatchMs: () => performance.now() };
  const wanted = tracingConfig(process.env);
  const tracing = wanted && openTracing(wanted, telemetry);
  const cluster = clusterConfig(flags);
  const server = await startServer({
    ...{ ip: flags.ip, port: flags.port, namespaces: flags.namespace ?? [], sqlitePragmas: flags.sqlitePragma ?? {} },
    ...(flags.dbFilename !== undefined && { dbFilename: flags.dbFilename }),
    ...(flags.dbUrl !== undefined && { dbUrl: flags.dbUrl }),
    ...(flags.dbReceiptFile !== undefined && { dbReceiptFile: flags.dbReceiptFile }),
    ...(flags.metricsPort !== undefined && { metricsPort: flags.metricsPort }),
    ...(flags.httpPort !== undefined && { httpPort: flags.httpPort }),
    ...(flags.uiPort !== undefined && !flags.headless && { ui: { port: flags.uiPort, pages: await webPages(flags) } }),
    ...(flags.namespaceRps !== undefined && { namespaceRequestsPerSecond: flags.namespaceRps }),
    ...(flags.namespaceConnections !== undefined && { namespaceConnectionsMax: flags.namespaceConnections }),
    ...(flags.httpPublicUrl !== undefined && { httpPublicUrl: flags.httpPublicUrl }),
    ...(flags.httpCorsOrigin && { httpCorsOrigins: flags.httpCorsOrigin }),
    ...(flags.callOutside && { outsideAddresses: outsideAddresses(flags.callOutside, flags) }),
    ...(flags.searchAttribute && { searchAttributes: flags.searchAttribute }),
    ...(flags.allowRemoteWithoutAuth && { allowRemoteWithoutAuth: true }),
    ...securityConfig(flags),
    ...(cluster && { cluster }),
    telemetry: { ...telemetry, traces: tracing?.traces },
  }).catch(failedState);
  process.stdout.write(`${readyLine(server, flags)}\n`);
  const onHangup = () => void server.reload();
  process.on("SIGHUP", onHangup);
  const companion = await begin(server);
  const ended = await Promise.race([signals.first, server.failed]);
  if (!(ended instanceof Error)) log.info("stopping", { signal: ended });
  const late = setTimeout(() => {
    log.error("the server did not stop in time");
    process.exit(1);
  }, stopWithinMs);
  await companion?.stop();
  await server.stop();
  await tracing?.close();
  process.off("SIGHUP", onHangup);
  clearTimeout(late);
  signals.dispose();
  if (ended instanceof Error) throw new Failure("environment", ended.message, { cause: ended });
}

const stopWithinMs = 10_000;

function readyLine(
  { ip, port, httpPort, uiPort, metricsPort, isSecure, databases }: RunningServer,
  flags: Flags,
): string {
  const state = stateText(flags, databases);
  const scheme = isSecure ? "https" : "http";
  const http = httpPort === undefined ? "" : `; HTTP on ${scheme}://${hostText(ip)}:${httpPort}`;
  const metrics = metricsPort === undefined ? "" : `; metrics on http://${hostText(ip)}:${metricsPort}/metrics`;
  const ui = uiPort === undefined ? "" : `; web UI on ${scheme}://${hostText(ip)}:${uiPort}`;
  const tls = isSecure ? " with TLS" : "";
  return `Pawl is ready on ${hostText(ip)}:${port}${tls} (${state})${http}${ui}${metrics}`;
}

/** Loaded only by a server that serves it. */
async function webPages({ uiCodecEndpoint }: Flags): Promise<WebPages> {
  const { openPages } = await import("@pawl/ui");
  return openPages(uiCodecEndpoint === undefined ? {} : { codecEndpoint: uiCodecEndpoint });
}

function stateText({ dbFilename }: Flags, databases: string | undefined): string {
  if (databases !== undefined) return `state in ${databases}`;
  return dbFilename === undefined ? "state in memory, not durable" : `state in ${dbFilename}`;
}

function hostText(ip: string): string {
  return ip.includes(":") ? `[${ip}]` : ip;
}

/** SIGTERM or SIGINT asks the server to stop; a second one ends the process at once. */
class Signals {
  readonly first: Promise<string>;
  readonly #names = ["SIGTERM", "SIGINT"] as const;
  readonly #ends = new AbortController();

  constructor() {
    const { signal } = this.#ends;
    this.first = Promise.race(this.#names.map((name) => once(process, name, { signal }).then(() => name)));
    this.first.then(
      () => {
        for (const name of this.#names) process.on(name, this.#exit);
      },
      () => {}, // disposed before one came
    );
  }

  dispose(): void {
    this.#ends.abort();
    for (const name of this.#names) process.off(name, this.#exit);
  }

  readonly #exit = () => process.exit(1);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}

function parseCodecEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && /^https?:$/.test(url.protocol) && /^[^?#]*$/.test(text) && url.username + url.password === "";
  if (!isPlain) throw new InvalidArgumentError("It is such as https://codec.example.org/api.");
  return url.href.replace(/\/+$/, "");
}

function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function outsideAddresses(rules: readonly AddressRule[], flags: Flags): readonly AddressRule[] {
  return rules.map((rule) => ({ ...rule, allowPrivate: flags.callOutsidePrivate === true }));
}

function appendAddress(text: string, before: readonly AddressRule[] = []): readonly AddressRule[] {
  const [, scheme, pattern] = /^(?:(https?):\/\/)?([^/?#\s]+)\/?$/i.exec(text) ?? [];
  if (pattern === undefined) throw new InvalidArgumentError("It is a host such as *.example.org or http://127.0.0.1:*");
  return [...before, { pattern, allowInsecure: scheme?.toLowerCase() === "http" }];
}

function addPragma(text: string, before: Readonly<Record<string, string | number>> = {}) {
  const [, name, value] = /^([a-z_]+)=(.+)$/i.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("It is written name=value.");
  return { ...before, [name]: /^-?\d+$/.test(value) ? Number(value) : value };
}

function addSearchAttribute(text: string, before: Readonly<Record<string, string>> = {}) {
  const [, name, type] = /^([^=]+)=([A-Za-z]+)$/.exec(text) ?? [];
  if (name === undefined || type === undefined) throw new InvalidArgumentError("It is written name=type.");
  return { ...before, [name]: type };
}
