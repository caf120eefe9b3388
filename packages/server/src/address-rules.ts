/**
 * Which addresses this server may call when users ask it to: completion callbacks and external Nexus endpoints. None by default, because a server
 * sees networks that its users do not.
 */

export interface AddressRule {
  /** The host, with its port if the address names one; `*` stands for any text: `*.example.org`, `127.0.0.1:*`. */
  readonly pattern: string;
  /** Also without TLS. */
  readonly allowInsecure: boolean;
}

export class AddressRules {
  readonly #rules: readonly { readonly host: RegExp; readonly allowInsecure: boolean }[];

  constructor(rules: readonly AddressRule[] = []) {
    this.#rules = rules.map(({ pattern, allowInsecure }) => ({ host: hostPattern(pattern), allowInsecure }));
  }

  /** Why the address may not be called, or undefined. Texts are the reference server's. */
  problemOf(address: string): string | undefined {
    const [, scheme = ""] = /^([a-z][a-z0-9+.-]*):/i.exec(address) ?? [];
    if (!["http", "https"].includes(scheme.toLowerCase())) return `invalid url: unknown scheme: ${address}`;
    if (/^https?:\/*$/i.test(address)) return "invalid url: missing host";
    const url = URL.parse(address);
    if (!url) return `invalid callback url: ${JSON.stringify(address)}`;
    for (const { host, allowInsecure } of this.#rules) {
      if (!host.test(url.host)) continue;
      if (allowInsecure || url.protocol === "https:") return undefined;
      return `invalid url: callback address does not allow insecure connections: ${address}`;
    }
    return `invalid url: url does not match any configured callback address: ${address}`;
  }
}

function hostPattern(pattern: string): RegExp {
  const parts = pattern.toLowerCase().split("*");
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`);
}
