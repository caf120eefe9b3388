/** Certificates for tests, written by hand in DER: Node makes keys and signatures, but no certificates, and not every machine has openssl. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface CertificateOptions {
  readonly commonName: string;
  /** Names and addresses of a server. */
  readonly hosts?: readonly string[];
  /** What it may be used for; default: both. */
  readonly usage?: "server" | "client" | "both";
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A certificate and its key, in PEM. */
export interface Certificate {
  /** In hex. */
  readonly serial: string;
  readonly cert: string;
  readonly key: string;
}

const dayMs = 24 * 3_600_000;

/** One that signs others. */
export class Authority {
  readonly cert: string;
  readonly #name: string;
  readonly #key: KeyObject;

  constructor(commonName: string) {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#name = commonName;
    this.#key = privateKey;
    this.cert = this.#signed({ commonName }, newSerial(), publicKey, [
      extension("551d13", sequence(boolean(true)), true), // basicConstraints: an authority
      extension("551d0f", tagged(0x03, Buffer.from([1, 0b0000_0110])), true), // keyUsage: signs certificates
    ]);
  }

  certificate(options: CertificateOptions): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { hosts = [], usage = "both" } = options;
    const uses = [
      ...(usage === "client" ? [] : [objectId("2b06010505070301")]),
      ...(usage === "server" ? [] : [objectId("2b06010505070302")]),
    ];
    const serial = newSerial();
    const cert = this.#signed(options, serial, publicKey, [
      extension("551d13", sequence(), true),
      extension("551d25", sequence(...uses), false), // extendedKeyUsage
      ...(hosts.length > 0 ? [extension("551d11", sequence(...hosts.map(generalName)), false)] : []),
    ]);
    return {
      serial: serial.toString("hex"),
      cert,
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  /** The list of what it has revoked, in PEM. `until`: when the next list is due. */
  revoked(certificates: readonly Certificate[], until = new Date(Date.now() + dayMs)): string {
    const since = time(new Date(Date.now() - dayMs));
    const entries = certificates.map(({ serial }) => sequence(tagged(0x02, Buffer.from(serial, "hex")), since));
    return this.#pem("X509 CRL", [
      tagged(0x02, Buffer.from([1])), // version 2
      ...[ecdsaWithSha256, name(this.#name), since, time(until)],
      ...(entries.length > 0 ? [sequence(...entries)] : []),
    ]);
  }

  #signed(options: CertificateOptions, serial: Buffer, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const { commonName, notBefore = new Date(Date.now() - dayMs), notAfter = new Date(Date.now() + dayMs) } = options;
    return this.#pem("CERTIFICATE", [
      tagged(0xa0, tagged(0x02, Buffer.from([2]))), // version 3
      tagged(0x02, serial),
      ecdsaWithSha256,
      name(this.#name),
      sequence(time(notBefore), time(notAfter)),
      name(commonName),
      publicKey.export({ type: "spki", format: "der" }),
      tagged(0xa3, sequence(...extensions)),
    ]);
  }

  #pem(label: string, parts: readonly Buffer[]): string {
    const content = sequence(...parts);
    const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", content, this.#key)]));
    const lines = sequence(content, ecdsaWithSha256, signature)
      .toString("base64")
      .match(/.{1,64}/g)!;
    return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
  }
}

/** Positive, whatever its first bit. */
function newSerial(): Buffer {
  return Buffer.concat([Buffer.from([1]), randomBytes(15)]);
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...items: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(items));
}

function objectId(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.from([value ? 0xff : 0]));
}

const ecdsaWithSha256 = sequence(objectId("2a8648ce3d040302"));

function name(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(objectId("550403"), tagged(0x0c, Buffer.from(commonName)))));
}

/** With two digits of the year until 2049, as the standard wants it. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return tagged(0x17, Buffer.from(digits.slice(2)));
}

function generalName(host: string): Buffer {
  const isAddress = /^\d+(\.\d+){3}$/.test(host);
  return isAddress ? tagged(0x87, Buffer.from(host.split(".").map(Number))) : tagged(0x82, Buffer.from(host));
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), tagged(0x04, value));
}
