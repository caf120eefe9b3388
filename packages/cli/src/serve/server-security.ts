/** The flags of `pawl server` that say who may reach it and who may do what. */
import type { AuthConfig, ListenConfig } from "@pawl/server";
import { type Command, Option } from "commander";
import { Failure } from "../failure.ts";

export interface SecurityFlags {
  readonly tlsCertPath?: string;
  readonly tlsKeyPath?: string;
  readonly tlsClientCaPath?: string;
  readonly tlsClientCrlPath?: string;
  readonly authFile?: string;
  readonly authJwks?: string;
  readonly authAudience?: string;
  readonly authIssuer?: string;
  readonly authPermissionsClaim?: string;
  readonly auditLog?: string;
}

/** Each can be given in the environment too: `PAWL_TLS_CERT_PATH` for `--tls-cert-path`. */
const options: readonly (readonly [flags: string, help: string])[] = [
  ["--tls-cert-path <file>", "speak TLS on all ports with this certificate, PEM"],
  ["--tls-key-path <file>", "its private key, PEM"],
  ["--tls-client-ca-path <file>", "callers need a certificate of these authorities (mutual TLS), PEM"],
  ["--tls-client-crl-path <file>", "certificates of callers that these authorities have revoked (CRL), PEM"],
  ["--auth-file <file>", "callers must say who they are; this file has the API keys and certificates that may call"],
  [
    "--auth-jwks <file or url>",
    "callers must say who they are; tokens signed with these keys (JSON Web Key Set) may call",
  ],
  ["--auth-audience <name>", "for whom tokens have to be made (aud)"],
  ["--auth-issuer <name>", "who has to have made them (iss)"],
  ["--auth-permissions-claim <name>", "the claim that lists NAMESPACE:ROLE; default: permissions"],
  ["--audit-log <file>", "write down who was refused and who changed something; - is standard error"],
];

export function addSecurityOptions(command: Command): void {
  for (const [flags, help] of options) {
    const option = new Option(flags, help);
    command.addOption(option.env(`PAWL_${option.name().toUpperCase().replaceAll("-", "_")}`));
  }
}

/** Throws `Failure`. */
export function securityConfig(flags: SecurityFlags): Pick<ListenConfig, "tls" | "auth" | "auditLogPath"> {
  const auth = authConfig(flags);
  return {
    ...tlsConfig(flags),
    ...(auth && { auth }),
    ...(flags.auditLog !== undefined && { auditLogPath: flags.auditLog }),
  };
}

function tlsConfig(flags: SecurityFlags): Pick<ListenConfig, "tls"> {
  const { tlsCertPath: certPath, tlsKeyPath: keyPath, tlsClientCaPath: clientCaPath } = flags;
  const { tlsClientCrlPath: clientCrlPath } = flags;
  const given = [certPath, keyPath, clientCaPath, clientCrlPath];
  if (given.every((each) => each === undefined)) return {};
  if (certPath === undefined || keyPath === undefined)
    throw new Failure("usage", "TLS needs both, --tls-cert-path and --tls-key-path");
  return {
    tls: {
      certPath,
      keyPath,
      ...(clientCaPath !== undefined && { clientCaPath }),
      ...(clientCrlPath !== undefined && { clientCrlPath }),
    },
  };
}

function authConfig(flags: SecurityFlags): AuthConfig | undefined {
  const { authFile: file, authJwks: jwks, authAudience: audience, authIssuer: issuer } = flags;
  if (jwks === undefined) {
    const stray = [audience, issuer, flags.authPermissionsClaim].some((each) => each !== undefined);
    if (stray) throw new Failure("usage", "what is said about tokens needs --auth-jwks");
    return file === undefined ? undefined : { file };
  }
  if (audience === undefined)
    throw new Failure("usage", "--auth-jwks needs --auth-audience: whoever makes tokens makes them for others, too");
  const permissionsClaim = flags.authPermissionsClaim ?? "permissions";
  const jwt = { jwks, audience, permissionsClaim, ...(issuer !== undefined && { issuer }) };
  return { jwt, ...(file !== undefined && { file }) };
}
