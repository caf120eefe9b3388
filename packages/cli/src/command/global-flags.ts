/** Flags that every command of the table understands: where the server is, and how to print. */
import { choice, eitherWay, integer, list, onOff, span, text, type Values } from "./flag.ts";

export const connectionFlags = {
  address: text("host:port", "the server; default: that of the profile, else 127.0.0.1:7233"),
  namespace: text("name", "the namespace; default: that of the profile, else default", { short: "n" }),
  apiKey: text("key", "the key that the server asks for; it implies TLS"),
  tls: eitherWay("speak TLS, with what the system trusts; --tls=false speaks none, not even with a key"),
  tlsCertPath: text("file", "this client's certificate, PEM"),
  tlsKeyPath: text("file", "this client's private key, PEM"),
  tlsCaPath: text("file", "the authorities that may have signed the server's certificate, PEM"),
  tlsCertData: text("pem", "the certificate itself, in place of a file"),
  tlsKeyData: text("pem", "the private key itself, in place of a file"),
  tlsCaData: text("pem", "the authorities themselves, in place of a file"),
  tlsServerName: text("name", "the name in the server's certificate, if it is not its host's"),
  tlsDisableHostVerification: onOff("take any certificate, for tests"),
  grpcMeta: list("KEY=VALUE", "sent with each call"),
  codecEndpoint: text(
    "url",
    "a codec server that encodes what is sent and decodes what is shown; {namespace} stands for the namespace",
  ),
  codecAuth: text("text", "the Authorization header for the codec server"),
  codecHeader: list("KEY=VALUE", "a further header for the codec server"),
  identity: text("name", "who the server writes down as the caller"),
  clientConnectTimeout: span("how long the server has to answer the first call; default: 10s"),
  commandTimeout: span("how long the whole command may take"),
  profile: text("name", "the profile of the configuration file; default: default"),
  configFile: text("file", "the configuration file, TOML"),
  disableConfigFile: onOff("read no configuration file"),
  disableConfigEnv: onOff("read no variables of the environment"),
};

export const outputFlags = {
  output: choice(["text", "json", "jsonl", "none"], "how to print; default: text", { short: "o" }),
  fields: text(
    "names",
    "the columns to print, in this order, by their headings, names of search attributes or paths in the JSON, with commas",
  ),
  timeFormat: choice(["relative", "iso", "raw"], "times in text; default: relative in a terminal, else iso"),
  color: choice(["auto", "always", "never"], "colours in text; default: auto, which heeds NO_COLOR"),
  noJsonShorthandPayloads: onOff("payloads in JSON with their metadata and in base64"),
};

export const globalFlags = { ...connectionFlags, ...outputFlags };
export type GlobalValues = Values<typeof globalFlags>;

/** For everything that lists. */
export const limitFlags = {
  limit: integer("count", "print no more than these"),
  pageSize: integer("count", "fetch so many at a time"),
};
