import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  defaultConfigPath,
  loadClientConfig,
  loadClientConfigProfile,
  loadClientConnectConfig,
} from "./client-config.ts";
import { clientConfigToToml, loadClientConfigFromToml } from "./config-toml.ts";

const toml = `
[profile.default]
address = "file:7233"
namespace = "file-namespace"
[profile.default.grpc_meta]
Tenant_Id = "file"
other = "kept"

[profile.cloud]
address = "cloud:7233"
api_key = "file-key"
[profile.cloud.tls]
server_name = "name"
client_cert_data = "CERT"
client_key_data = "KEY"
[profile.cloud.codec]
endpoint = "https://codec"
`;
const configSource = { data: toml };
const load = (env: Record<string, string>, options: Parameters<typeof loadClientConnectConfig>[0] = {}) =>
  loadClientConnectConfig({ configSource, overrideEnvVars: env, ...options });
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

describe("configuration from outside", () => {
  test("without any of it there is nothing to say", () => {
    assert.deepEqual(loadClientConnectConfig({ overrideEnvVars: {}, disableFile: true }), { connectionOptions: {} });
  });

  test("the default profile of the file, and the one that is asked for", () => {
    assert.deepEqual(load({}), {
      connectionOptions: { address: "file:7233", metadata: { "tenant-id": "file", other: "kept" } },
      namespace: "file-namespace",
    });
    for (const options of [{ profile: "cloud" }, {}]) {
      const env: Record<string, string> = "profile" in options ? {} : { TEMPORAL_PROFILE: "cloud" };
      const { connectionOptions } = load(env, options);
      assert.deepEqual([connectionOptions.address, connectionOptions.apiKey], ["cloud:7233", "file-key"]);
      const tls = connectionOptions.tls;
      assert.ok(typeof tls === "object" && tls);
      assert.equal(tls.serverNameOverride, "name");
      assert.deepEqual([text(tls.clientCertPair?.crt), text(tls.clientCertPair?.key)], ["CERT", "KEY"]);
    }
  });

  test("variables win over the file, and ours over Temporal's", () => {
    const env = {
      TEMPORAL_ADDRESS: "temporal:1",
      PAWL_ADDRESS: "pawl:1",
      TEMPORAL_NAMESPACE: "env-namespace",
      TEMPORAL_GRPC_META_TENANT_ID: "temporal",
      PAWL_GRPC_META_TENANT_ID: "pawl",
      TEMPORAL_GRPC_META_OTHER: "",
    };
    assert.deepEqual(load(env), {
      connectionOptions: { address: "pawl:1", metadata: { "tenant-id": "pawl" } },
      namespace: "env-namespace",
    });
    assert.equal(load(env, { disableEnv: true }).connectionOptions.address, "file:7233");
  });

  for (const [env, expected] of [
    [{}, undefined],
    [{ TEMPORAL_API_KEY: "k" }, true],
    [{ TEMPORAL_API_KEY: "k", TEMPORAL_TLS: "false" }, false],
    [{ TEMPORAL_TLS: "true" }, {}],
    [{ TEMPORAL_TLS: "true", PAWL_TLS: "0" }, false],
    [{ TEMPORAL_TLS_SERVER_NAME: "n" }, { serverNameOverride: "n" }],
    [{ TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: "1" }, { disableHostVerification: true }],
  ] as const) {
    test(`TLS with ${JSON.stringify(env)} is ${JSON.stringify(expected)}`, () => {
      const { connectionOptions } = load(env as Record<string, string>);
      assert.deepEqual(connectionOptions.tls, expected);
    });
  }

  test("files are found where a variable says, and certificates where the profile does", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-config-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "c.toml");
    const ca = join(folder, "ca.pem");
    writeFileSync(file, toml);
    writeFileSync(ca, "CA");
    const env = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_TLS_SERVER_CA_CERT_PATH: ca };
    const { connectionOptions } = loadClientConnectConfig({ overrideEnvVars: env });
    assert.equal(connectionOptions.address, "file:7233");
    const { tls } = connectionOptions;
    assert.equal(text(typeof tls === "object" ? tls?.serverRootCACertificate : undefined), "CA");
    assert.deepEqual(Object.keys(loadClientConfig({ overrideEnvVars: env }).profiles), ["default", "cloud"]);
    assert.match(defaultConfigPath({ HOME: "/h" }), /temporalio.temporal\.toml$/);
  });

  test("what a tool needs beside is there too", () => {
    const profile = loadClientConfigProfile({
      configSource,
      profile: "cloud",
      overrideEnvVars: { PAWL_CODEC_AUTH: "a" },
    });
    assert.deepEqual(profile.codec, { endpoint: "https://codec", auth: "a" });
  });

  test("a configuration survives its file", () => {
    const config = loadClientConfigFromToml(toml);
    assert.deepEqual(loadClientConfigFromToml(clientConfigToToml(config), { strict: true }), config);
  });

  for (const [what, act, expected] of [
    ["a profile that is not there", () => load({}, { profile: "gone" }), /no profile "gone"/],
    ["a flag that is none", () => load({ TEMPORAL_TLS: "maybe" }), /TEMPORAL_TLS must be true or false, not "maybe"/],
    [
      "a certificate twice",
      () => load({ PAWL_TLS_CLIENT_CERT_PATH: "a", PAWL_TLS_CLIENT_CERT_DATA: "b" }),
      /PAWL_TLS_CLIENT_CERT_PATH and PAWL_TLS_CLIENT_CERT_DATA exclude each other/,
    ],
    ["a certificate without its key", () => load({ PAWL_TLS_CLIENT_CERT_DATA: "b" }), /come together, or not at all/],
    [
      "a file that is not there",
      () => loadClientConnectConfig({ overrideEnvVars: { TEMPORAL_CONFIG_FILE: "/no/such.toml" } }),
      /the configuration file cannot be read.*no\/such/,
    ],
    ["text that is not TOML", () => load({}, { configSource: { data: "= 1" } }), /is not valid TOML/],
    [
      "a value of another kind",
      () => loadClientConfigFromToml("[profile.p]\naddress = 1"),
      /profile\.p\.address must be a string/,
    ],
    [
      "a key that nobody knows, when asked to mind it",
      () => loadClientConfigFromToml("[profile.p]\nadress = 'x'", { strict: true }),
      /profile\.p: unknown key adress/,
    ],
  ] as const) {
    test(`${what} is refused, and named`, () => {
      assert.throws(act, expected);
    });
  }
});
