/**
 * Payloads are encrypted before they leave this process and decrypted when they come back: the server stores what it cannot read. AES-256 in
 * Galois/Counter mode, with a new nonce each time. The name of the key goes with the payload, so that keys may change while workflows run.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import type { DataConverter, Payload, PayloadCodec } from "@pawl/sdk/common";

const encoding = "binary/encrypted";
const nonceBytes = 12;
const tagBytes = 16;

/** `name=passphrase,…`: the first encrypts, all decrypt. A real one takes its keys from a key service, and has no default. */
const keys = new Map(
  (process.env["ENCRYPTION_KEYS"] ?? "demo=not a secret").split(",").map((entry): [string, Buffer] => {
    const [name = "", passphrase = ""] = entry.split("=");
    return [name, scryptSync(passphrase, `pawl example ${name}`, 32)];
  }),
);
const [current] = keys.keys();

const codec: PayloadCodec = {
  encode: async (payloads) => payloads.map(encrypt),
  // Payloads from before there was encryption pass as they are.
  decode: async (payloads) =>
    payloads.map((payload) => (textOf(payload, "encoding") === encoding ? decrypt(payload) : payload)),
};

export const dataConverter: DataConverter = { payloadCodecs: [codec] };

function encrypt({ metadata, data }: Payload): Payload {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", keyOf(current), nonce);
  const described = Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value).toString("base64")]);
  const plain = JSON.stringify({ metadata: described, data: Buffer.from(data).toString("base64") });
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  return {
    metadata: { encoding: Buffer.from(encoding), "encryption-key": Buffer.from(current ?? "") },
    data: Buffer.concat([nonce, cipher.getAuthTag(), encrypted]),
  };
}

/** Throws when a bit of it was changed on the way. */
function decrypt(payload: Payload): Payload {
  const bytes = Buffer.from(payload.data);
  const decipher = createDecipheriv(
    "aes-256-gcm",
    keyOf(textOf(payload, "encryption-key")),
    bytes.subarray(0, nonceBytes),
    {
      authTagLength: tagBytes,
    },
  );
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  const plain = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]);
  const { metadata, data } = JSON.parse(plain.toString()) as { metadata: [string, string][]; data: string };
  return {
    metadata: Object.fromEntries(metadata.map(([name, value]) => [name, Buffer.from(value, "base64")])),
    data: Buffer.from(data, "base64"),
  };
}

function keyOf(name: string | undefined): Buffer {
  const key = keys.get(name ?? "");
  if (!key)
    throw new Error(`no key is called ${JSON.stringify(name)}; ENCRYPTION_KEYS has ${[...keys.keys()].join(", ")}`);
  return key;
}

function textOf({ metadata }: Payload, name: string): string {
  return Buffer.from(metadata[name] ?? []).toString();
}
