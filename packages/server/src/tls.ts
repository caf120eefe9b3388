/** TLS of all ports: the server's certificate and, if callers must have one too (mutual TLS), who may have signed theirs. */
import { type ConnectionOptions, createSecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";
import type { Clock } from "./clock.ts";
import { StartFailure, type TlsConfig } from "./config.ts";
import { limits } from "./limits.ts";
import type { Log } from "./telemetry/telemetry.ts";
import { WatchedFiles } from "./watched-files.ts";

/** A listener whose certificates can be exchanged; connections that are open keep theirs. */
export interface SecureListener {
  setSecureContext(options: SecureContextOptions): void;
}

export class Tls {
  readonly #files: WatchedFiles<SecureContextOptions>;
  readonly #asksClients: boolean;

  private constructor(files: WatchedFiles<SecureContextOptions>, asksClients: boolean) {
    this.#files = files;
    this.#asksClients = asksClients;
  }

  /** Throws `StartFailure` that says which file is wrong. */
  static async open(config: TlsConfig, { clock, log }: { clock: Clock; log: Log }): Promise<Tls> {
    const { certPath, keyPath, clientCaPath, clientCrlPath } = config;
    const paths = [certPath, keyPath, clientCaPath, clientCrlPath].filter((path) => path !== undefined);
    try {
      const files = await WatchedFiles.open({ what: "TLS certificates", paths, parse: contextOptions, clock, log });
      return new Tls(files, clientCaPath !== undefined);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartFailure("environment", `TLS with ${paths.join(", ")} is not possible: ${reason}`, {
        cause: error,
      });
    }
  }

  /** For a listener that speaks these protocols. */
  listenerOptions(protocols: readonly string[]): TlsOptions {
    return {
      ...this.#files.value,
      ALPNProtocols: [...protocols],
      handshakeTimeout: limits.tlsHandshakeMsMax,
      requestCert: this.#asksClients,
      rejectUnauthorized: this.#asksClients,
    };
  }

  /** For a connection to somebody whose certificate these authorities have signed, and who asks for ours. */
  connectOptions(): ConnectionOptions {
    return this.#files.value;
  }

  /** From now on new connections to it are made with what the files hold then. */
  keep(listener: SecureListener): void {
    this.#files.watch((options) => listener.setSecureContext(options));
  }

  reload(): Promise<boolean> {
    return this.#files.reload();
  }

  close(): void {
    this.#files.close();
  }
}

function contextOptions([cert, key, ca, crl]: readonly Buffer[]): SecureContextOptions {
  const given = { ...(ca && { ca }), ...(crl && { crl: listsOf(crl) }) };
  const options: SecureContextOptions = { cert: cert!, key: key!, minVersion: "TLSv1.2", ...given };
  // Also finds a key that does not belong to the certificate, as between the exchange of the one and of the other.
  createSecureContext(options);
  return options;
}

/** Node reads one list of each text. */
function listsOf(crl: Buffer): string[] {
  const lists = crl.toString("latin1").match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g);
  if (!lists) throw new Error("the file of revoked certificates holds no list");
  return lists;
}
