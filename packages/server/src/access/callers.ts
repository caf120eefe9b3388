/** The callers of tests: with good credentials, with bad ones and with none. */
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CompactSign, type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import type { AuthConfig } from "../config.ts";
import { makeApiKey } from "./api-key.ts";
import { authFileText, type StoredKey } from "./auth-file.ts";

const audience = "pawl-tests";
const issuer = "https://issuer.test";

/** Bearer credentials by the name of who has them. */
export type Credentials = Readonly<Record<string, string>>;

export class Callers {
  /** By role in namespace a, and two more: `writer of b`, `system reader`, … */
  readonly known: Credentials;
  /** Nobody with these gets in. */
  readonly strangers: Credentials;
  readonly auth: AuthConfig;
  readonly authPath: string;
  readonly #folder: string;
  readonly #sign: Sign;

  private constructor(folder: string, known: Credentials, strangers: Credentials, sign: Sign) {
    this.#folder = folder;
    this.#sign = sign;
    this.known = known;
    this.strangers = strangers;
    this.authPath = join(folder, "auth.json");
    const jwt = { jwks: join(folder, "jwks.json"), audience, issuer, permissionsClaim: "permissions" };
    this.auth = { file: this.authPath, jwt };
  }

  static async make(): Promise<Callers> {
    const folder = mkdtempSync(join(tmpdir(), "pawl-access-"));
    const pairs = new Map<string, Pair>();
    for (const algorithm of ["RS256", "ES256", "EdDSA"])
      pairs.set(algorithm, await generateKeyPair(algorithm, { extractable: true }));
    const keys = await Promise.all(
      [...pairs].map(async ([alg, { publicKey }]) => ({ ...(await exportJWK(publicKey)), alg, kid: alg, use: "sig" })),
    );
    writeFileSync(join(folder, "jwks.json"), JSON.stringify({ keys }));
    const sign: Sign = (alg, claims, privateKey = pairs.get(alg)!.privateKey) =>
      new SignJWT({ sub: "tester", aud: audience, iss: issuer, exp: seconds() + 3_600, ...claims } as JWTPayload)
        .setProtectedHeader({ alg, kid: alg })
        .sign(privateKey);

    const stored: StoredKey[] = [];
    const apiKey = (name: string, permissions: readonly string[], more: Partial<StoredKey> = {}) => {
      const { text, id, hash } = makeApiKey();
      stored.push({ id, name, hash, permissions, ...more });
      return text;
    };
    // Roles by keys and by tokens of every algorithm, in the spelling of each.
    const known = {
      "reader of a": apiKey("reader", ["a:reader"]),
      "worker of a": await sign("ES256", { permissions: ["a:worker", "nonsense", 7] }),
      "writer of a": await sign("RS256", { permissions: ["a:write"] }),
      "admin of a": await sign("EdDSA", { permissions: ["a:admin"] }),
      "admin of b": apiKey("admin-b", ["b:admin"]),
      "system reader": await sign("RS256", { permissions: ["temporal-system:read"] }),
      "system admin": apiKey("root", ["temporal-system:admin"], { expiresAt: "2999-01-01T00:00:00.000Z" }),
    };
    const permissions = ["temporal-system:admin"];
    const [head = "", content = "", signature = ""] = (await sign("RS256", { permissions })).split(".");
    const stranger = await generateKeyPair("RS256");
    const none = { alg: "none", typ: "JWT" };
    const secret = { alg: "HS256", kid: "RS256" };
    const hmacHead = part(secret);
    const spki = await exportSPKI(pairs.get("RS256")!.publicKey);
    // A number for JSON that is none for us.
    const endless = `{"sub":"x","aud":"${audience}","iss":"${issuer}","exp":1e400,"permissions":["${permissions}"]}`;
    const strangers = {
      "a key that nobody made": makeApiKey().text,
      "a key with another secret": `${known["reader of a"].slice(0, -4)}AAAA`,
      "an expired key": apiKey("late", permissions, { expiresAt: "2020-01-01T00:00:00.000Z" }),
      "no key at all": "pawl_",
      "a changed signature": `${head}.${content}.${signature.slice(0, -8)}AAAAAAA${signature.at(-1)}`,
      "a changed content": `${head}.${part({ sub: "x", aud: audience, iss: issuer, exp: seconds() + 60, permissions })}.${signature}`,
      "a stranger's signature": await sign("RS256", { permissions }, stranger.privateKey),
      "an expired token": await sign("ES256", { permissions, exp: seconds() - 3_600 }),
      "a token without an end": await sign("ES256", { permissions, exp: undefined }),
      "a token whose end never comes": await new CompactSign(Buffer.from(endless))
        .setProtectedHeader({ alg: "ES256", kid: "ES256" })
        .sign(pairs.get("ES256")!.privateKey),
      "a token of tomorrow": await sign("ES256", { permissions, nbf: seconds() + 3_600 }),
      "a token for others": await sign("ES256", { permissions, aud: "somebody else" }),
      "a token of another issuer": await sign("ES256", { permissions, iss: "https://elsewhere.test" }),
      "an unsigned token": `${part(none)}.${content}.`,
      "a token signed with the public key as a secret": `${hmacHead}.${content}.${createHmac("sha256", spki).update(`${hmacHead}.${content}`).digest("base64url")}`,
      "random bytes": randomBytes(64).toString("base64url"),
    };
    writeFileSync(join(folder, "auth.json"), authFileText({ apiKeys: stored, certificates: [] }));
    return new Callers(folder, known, strangers, sign);
  }

  /** A token with these claims in place of the usual ones. */
  token(claims: JWTPayload): Promise<string> {
    return this.#sign("ES256", claims);
  }

  end(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

type Pair = { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey };
type Claims = { readonly [Name in keyof JWTPayload]: JWTPayload[Name] | undefined };
type Sign = (algorithm: string, claims: Claims, key?: CryptoKey) => Promise<string>;

function seconds(): number {
  return Math.floor(Date.now() / 1_000);
}

function part(json: unknown): string {
  return Buffer.from(JSON.stringify(json)).toString("base64url");
}
