/**
 * Which addresses this server may call when users ask it to: completion callbacks and external Nexus endpoints. None by default, because a server
 * sees networks that its users do not.
 *
 *   A1. A name is allowed by a rule; what it stands for is looked at again when the connection is made, because whoever owns a name may let it lead
 *       to another address a moment later.
 *   A2. Private addresses are reached by a rule that names them in digits (or `localhost`), or where the operator allows it for all.
 *   A3. Addresses that belong to the machine's own link (clouds keep credentials there) or to nobody are reached only by a rule that names them in digits.
 */
import { BlockList, isIP } from "node:net";

/** Allows requests of this server to a group of addresses. */
export interface AddressRule {
  /** The host, with its port if the address names one; `*` stands for any text: `*.example.org`, `127.0.0.1:*`. */
  readonly pattern: string;
  /** Also without TLS. */
  readonly allowInsecure: boolean;
  /** Also where the host's name leads to a private address. Default: no. */
  readonly allowPrivate?: boolean;
}

interface Rule {
  readonly host: RegExp;
  readonly allowInsecure: boolean;
  readonly allowPrivate: boolean;
  /** It names one address in digits, or `localhost`: then that address is meant. */
  readonly isLiteral: boolean;
}

export class AddressRules {
  readonly #rules: readonly Rule[];

  constructor(rules: readonly AddressRule[] = []) {
    this.#rules = rules.map(({ pattern, allowInsecure, allowPrivate = false }) => {
      const host = pattern.toLowerCase().replace(/:(\d+|\*)$/, "");
      const isLiteral = host === "localhost" || isIP(host.replace(/^\[|\]$/g, "")) !== 0;
      return { host: hostPattern(pattern), allowInsecure, allowPrivate, isLiteral };
    });
  }

  /** Why the address may not be called, or undefined. Texts are the reference server's where it has the rule. */
  problemOf(address: string): string | undefined {
    const [, scheme = ""] = /^([a-z][a-z0-9+.-]*):/i.exec(address) ?? [];
    if (!["http", "https"].includes(scheme.toLowerCase())) return `invalid url: unknown scheme: ${address}`;
    if (/^https?:\/*$/i.test(address)) return "invalid url: missing host";
    const url = URL.parse(address);
    if (!url) return `invalid callback url: ${JSON.stringify(address)}`;
    const rules = this.#rules.filter(({ host }) => host.test(url.host));
    if (rules.length === 0) return `invalid url: url does not match any configured callback address: ${address}`;
    const secure = rules.filter(({ allowInsecure }) => allowInsecure || url.protocol === "https:");
    if (secure.length === 0) return `invalid url: callback address does not allow insecure connections: ${address}`;
    const literal = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(literal) === 0 || secure.some((rule) => mayReach(rule, literal))) return undefined;
    return `invalid url: callback address is not a public one: ${address}`;
  }

  /** Whether what the URL's host stands for, now that it has been looked up, may be connected to (A1). */
  mayConnect(url: URL, ip: string): boolean {
    const fits = ({ host, allowInsecure }: Rule) => host.test(url.host) && (allowInsecure || url.protocol === "https:");
    return this.#rules.some((rule) => fits(rule) && mayReach(rule, ip));
  }
}

function mayReach({ isLiteral, allowPrivate }: Rule, ip: string): boolean {
  const family = isIP(ip) === 6 ? "ipv6" : "ipv4";
  if (isLiteral) return true;
  if (nobodys.check(ip, family)) return false;
  return allowPrivate || !privates.check(ip, family);
}

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = "", bits] = subnet.split("/");
    list.addSubnet(network, Number(bits), isIP(network) === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

/** This machine, private networks and those of providers between. An IPv4 address written as an IPv6 one is found, too. */
const privates = blockList([
  ...["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"],
  ...["::1/128", "fc00::/7", "fec0::/10", "64:ff9b::/96", "64:ff9b:1::/48"],
  // An IPv4 address at the end, as it was written before today's forms, and by translators.
  ...["::/96", "::ffff:0:0:0/96"],
]);

/** One's own link, with the addresses under which clouds tell machines their secrets; the unspecified address; groups; what is reserved. */
const nobodys = blockList([
  ...["169.254.0.0/16", "0.0.0.0/8", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  // Of clouds that keep them elsewhere; the second looks like a public one.
  ...["100.100.100.200/32", "168.63.129.16/32"],
  ...["fe80::/10", "::/128", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32"],
  // The same behind a translation from IPv6.
  ...["64:ff9b::a9fe:0/112", "64:ff9b::6464:64c8/128", "64:ff9b::a83f:8110/128"],
  ...["64:ff9b:1::a9fe:0/112", "::a9fe:0/112", "::ffff:0:a9fe:0/112"],
  // Tunnels, in whose addresses any other can hide: 6to4 and Teredo. Networks use neither any more.
  ...["2002::/16", "2001::/32"],
]);

function hostPattern(pattern: string): RegExp {
  const parts = pattern.toLowerCase().split("*");
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`);
}
