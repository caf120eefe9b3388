/** Keys of tokens: where they come from, what happens while they cannot be had, and which of them are of no use. */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { ManualClock } from "../clock.ts";
import { limits } from "../limits.ts";
import { quietTelemetry } from "../telemetry/telemetry.ts";
import { Jwt, type Verified } from "./jwt.ts";
import { KeysUnreachable } from "./key-set.ts";

const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength });
const [old, young, short] = [rsa(2_048), rsa(2_048), rsa(1_024)];
const config = { audience: "pawl", permissionsClaim: "permissions" };
const clock = new ManualClock();
const warned: string[] = [];
const log = { ...quietTelemetry().log, warn: (what: string) => void warned.push(what) };

function jwk(kid: string, { publicKey }: { readonly publicKey: KeyObject }) {
  return { ...publicKey.export({ format: "jwk" }), kid, alg: "RS256", use: "sig" };
}

function tokenOf(kid: unknown, { privateKey }: { readonly privateKey: KeyObject }): string {
  const part = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");
  const exp = clock.nowMs() / 1_000 + 24 * 3_600;
  const text = `${part({ alg: "RS256", kid })}.${part({ sub: "x", aud: "pawl", exp })}`;
  return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
}

const isGood = (verified: Verified) => "principal" in verified;

describe("keys behind a URL", () => {
  let answer: { status: number; body: string };
  let askedCount: number;
  const server = createServer((_, response) => {
    askedCount += 1;
    response.statusCode = answer.status;
    response.end(answer.body);
  });
  const show = (...keys: readonly unknown[]) => {
    answer = { status: 200, body: JSON.stringify({ keys }) };
  };
  const down = () => {
    answer = { status: 503, body: "" };
  };
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => server.close());
  beforeEach(() => {
    askedCount = 0;
    show(jwk("old", old));
  });
  const open = () =>
    Jwt.open({ ...config, jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }, { clock, log });

  test("go on counting while their server is down, and not for ever", async () => {
    const jwt = await open();
    assert.ok(isGood(await jwt.verify(tokenOf("old", old))));
    down();
    clock.advance(limits.jwksFreshMs);
    for (let count = 0; count < 5; count++) assert.ok(isGood(await jwt.verify(tokenOf("old", old))));
    assert.equal(askedCount, 2, "it was asked once more, and then left in peace");
    clock.advance(limits.jwksStaleMsMax);
    await assert.rejects(jwt.verify(tokenOf("old", old)), KeysUnreachable);
  });

  test("end when their server shows them no more", async () => {
    const jwt = await open();
    assert.ok(isGood(await jwt.verify(tokenOf("old", old))));
    show(jwk("young", young));
    clock.advance(limits.jwksFreshMs);
    assert.ok(!isGood(await jwt.verify(tokenOf("old", old))));
    assert.ok(isGood(await jwt.verify(tokenOf("young", young))));
  });

  test("are asked for when a token names a new one, and a flood of made-up ones asks for no more", async () => {
    const jwt = await open();
    assert.ok(isGood(await jwt.verify(tokenOf("old", old))));
    for (let count = 0; count < 10; count++) assert.ok(!isGood(await jwt.verify(tokenOf(`made up ${count}`, young))));
    assert.equal(askedCount, 1);
    show(jwk("old", old), jwk("young", young));
    clock.advance(limits.jwksRestMs);
    assert.ok(isGood(await jwt.verify(tokenOf("young", young))));
  });

  test("that were never had are asked for now and then", async () => {
    down();
    const jwt = await open();
    for (let count = 0; count < 5; count++) await assert.rejects(jwt.verify(tokenOf("old", old)), KeysUnreachable);
    assert.equal(askedCount, 1);
    show(jwk("old", old));
    clock.advance(limits.jwksRetryMs);
    assert.ok(isGood(await jwt.verify(tokenOf("old", old))));
  });

  test("that are no keys are as good as none", async () => {
    for (const body of ["", "{}", '{"keys":7}', "<html>"]) {
      answer = { status: 200, body };
      await assert.rejects((await open()).verify(tokenOf("old", old)), KeysUnreachable, body);
    }
  });
});

test("a token that is signed with a key that is too short is refused, and the log says so once for each key", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pawl-jwt-"));
  try {
    const jwks = join(folder, "keys.json");
    writeFileSync(jwks, JSON.stringify({ keys: [jwk("short", short), jwk("old", old)] }));
    const jwt = await Jwt.open({ ...config, jwks }, { clock, log });
    warned.length = 0;
    for (let count = 0; count < 3; count++) {
      const verified = await jwt.verify(tokenOf("short", short));
      assert.ok("refusal" in verified && /of no use here/.test(verified.refusal));
    }
    assert.deepEqual(warned, ["a key of tokens is of no use"]);
    assert.ok(isGood(await jwt.verify(tokenOf("old", old))));
    jwt.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
