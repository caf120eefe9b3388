/** The flags of `pawl server` that say who may reach it and who may do what. */
import type { ListenConfig } from "@pawl/server";
import { type Command, Option } from "commander";
import { Failure } from "./failure.ts";

export interface SecurityFlags {
  readonly tlsCertPath?: string;
  readonly tlsKeyPath?: string;
  readonly tlsClientCaPath?: string;
}

export function addSecurityOptions(command: Command): void {
  const option = (flags: string, help: string, variable: string) =>
    command.addOption(new Option(flags, help).env(variable));
  option("--tls-cert-path <file>", "speak TLS on all ports with this certificate, PEM", "PAWL_TLS_CERT_PATH");
  option("--tls-key-path <file>", "its private key, PEM", "PAWL_TLS_KEY_PATH");
  option(
    "--tls-client-ca-path <file>",
    "callers need a certificate of these authorities (mutual TLS), PEM",
    "PAWL_TLS_CLIENT_CA_PATH",
  );
}

/** Throws `Failure`. */
export function securityConfig(flags: SecurityFlags): Pick<ListenConfig, "tls"> {
  const { tlsCertPath: certPath, tlsKeyPath: keyPath, tlsClientCaPath: clientCaPath } = flags;
  if (certPath === undefined && keyPath === undefined && clientCaPath === undefined) return {};
  if (certPath === undefined || keyPath === undefined)
    throw new Failure("usage", "TLS needs both, --tls-cert-path and --tls-key-path");
  return { tls: { certPath, keyPath, ...(clientCaPath !== undefined && { clientCaPath }) } };
}
