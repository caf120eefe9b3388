/** The flags of `pawl server` that make it one node of several on a PostgreSQL database. */
import type { ClusterConfig } from "@pawl/server";
import { type Command, InvalidArgumentError, Option } from "commander";
import { Failure } from "./failure.ts";

export interface ClusterFlags {
  readonly nodeName?: string;
  readonly clusterIp?: string;
  readonly clusterPort?: number;
  readonly clusterAddress?: string;
  readonly clusterLease?: number;
}

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
    );
}

/** Undefined for a server that has its state for itself. Throws `Failure`. */
export function clusterConfig(flags: ClusterFlags): ClusterConfig | undefined {
  const { nodeName: name, clusterIp: ip, clusterPort: port, clusterAddress: address, clusterLease: leaseMs } = flags;
  const rest = {
    ...(ip !== undefined && { ip }),
    ...(port !== undefined && { port }),
    ...(address !== undefined && { address }),
    ...(leaseMs !== undefined && { leaseMs }),
  };
  if (name !== undefined) return { name, ...rest };
  if (Object.keys(rest).length > 0) throw new Failure("usage", "a node of a cluster needs a name: --node-name");
  return undefined;
}

function parseMs(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a whole number of milliseconds.");
}
