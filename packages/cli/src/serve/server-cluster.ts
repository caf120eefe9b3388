/** The flags of `pawl server` that make it one node of several on a PostgreSQL database. */
import type { ClusterConfig } from "@pawl/server";
import { type Command, InvalidArgumentError, Option } from "commander";
import { Failure } from "../failure.ts";

export interface ClusterFlags {
  readonly nodeName?: string;
  readonly clusterIp?: string;
  readonly clusterPort?: number;
  readonly clusterAddress?: string;
  readonly clusterLease?: number;
  readonly queuePartitions?: number;
  readonly clusterTlsCertPath?: string;
  readonly clusterTlsKeyPath?: string;
  readonly clusterTlsCaPath?: string;
  readonly clusterTlsServerName?: string;
}

const tlsOptions = [
  ["--cluster-tls-cert-path <file>", "speak mutual TLS with other nodes, with this certificate, PEM"],
  ["--cluster-tls-key-path <file>", "its private key, PEM"],
  ["--cluster-tls-ca-path <file>", "the authorities of all nodes' certificates, PEM"],
  [
    "--cluster-tls-server-name <name>",
    "the name that all nodes' certificates have (default: the host where a node is reached)",
  ],
] as const;

export function addClusterOptions(command: Command, parsePort: (text: string) => number): void {
  const option = (flags: string, help: string, variable: string) => new Option(flags, help).env(variable);
  command
    .addOption(
      option(
        "--node-name <name>",
        "be one node of several on the database of --db-url, and have this name there",
        "PAWL_NODE_NAME",
      ),
    )
    .addOption(
      option("--cluster-ip <address>", "address to listen on for other nodes (default: 127.0.0.1)", "PAWL_CLUSTER_IP"),
    )
    .addOption(
      option("--cluster-port <port>", "port for other nodes (default: a free one)", "PAWL_CLUSTER_PORT").argParser(
        parsePort,
      ),
    )
    .addOption(
      option(
        "--cluster-address <host:port>",
        "where other nodes reach this one, if it is another address",
        "PAWL_CLUSTER_ADDRESS",
      ),
    )
    .addOption(
      option(
        "--cluster-lease <ms>",
        "how long the others wait for a sign of life of this node before they take over (default: 5000)",
        "PAWL_CLUSTER_LEASE",
      ).argParser(parseMs),
    )
    .addOption(
      option(
        "--queue-partitions <n>",
        "divide task queues into so many partitions, spread over the nodes, from now on (default: as it is, 1 at first)",
        "PAWL_QUEUE_PARTITIONS",
      ).argParser(parseCount),
    );
  for (const [flags, help] of tlsOptions) {
    const each = new Option(flags, help);
    command.addOption(each.env(`PAWL_${each.name().toUpperCase().replaceAll("-", "_")}`));
  }
}

/** Undefined for a server that has its state for itself. Throws `Failure`. */
export function clusterConfig(flags: ClusterFlags): ClusterConfig | undefined {
  const { nodeName: name, clusterIp: ip, clusterPort: port, clusterAddress: address, clusterLease: leaseMs } = flags;
  const { queuePartitions } = flags;
  const rest = {
    ...(ip !== undefined && { ip }),
    ...(port !== undefined && { port }),
    ...(address !== undefined && { address }),
    ...(leaseMs !== undefined && { leaseMs }),
    ...(queuePartitions !== undefined && { queuePartitions }),
    ...tlsConfig(flags),
  };
  if (name !== undefined) return { name, ...rest };
  if (Object.keys(rest).length > 0) throw new Failure("usage", "a node of a cluster needs a name: --node-name");
  return undefined;
}

function tlsConfig(flags: ClusterFlags): Pick<ClusterConfig, "tls"> {
  const { clusterTlsCertPath: certPath, clusterTlsKeyPath: keyPath, clusterTlsCaPath: caPath } = flags;
  const { clusterTlsServerName: serverName } = flags;
  if ([certPath, keyPath, caPath, serverName].every((each) => each === undefined)) return {};
  if (certPath === undefined || keyPath === undefined || caPath === undefined)
    throw new Failure(
      "usage",
      "TLS between nodes needs --cluster-tls-cert-path, --cluster-tls-key-path and --cluster-tls-ca-path",
    );
  return { tls: { certPath, keyPath, caPath, ...(serverName !== undefined && { serverName }) } };
}

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a whole number.");
}

function parseMs(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a whole number of milliseconds.");
}
