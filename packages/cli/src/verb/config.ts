/** `pawl config`: profiles of the configuration file that the SDKs and the official command line read, too. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { defaultConfigPath, loadClientConfigFromToml } from "@pawl/sdk/envconfig";
import { parse, stringify, type TomlTable } from "smol-toml";
import { type Definition, define } from "../command/definition.ts";
import { required, text } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import type { Json } from "../output/json.ts";
import type { Session } from "../session.ts";
import { onePage } from "./pages.ts";

/** What a profile may say; and `grpc_meta.KEY`. `tls` alone says that there is TLS. */
const properties: Readonly<Record<string, "text" | "switch">> = {
  ...{ address: "text", namespace: "text", api_key: "text", tls: "switch", "tls.disabled": "switch" },
  ...{ "tls.client_cert_path": "text", "tls.client_cert_data": "text", "tls.client_key_path": "text" },
  ...{ "tls.client_key_data": "text", "tls.server_ca_cert_path": "text", "tls.server_ca_cert_data": "text" },
  ...{ "tls.server_name": "text", "tls.disable_host_verification": "switch" },
  ...{ "codec.endpoint": "text", "codec.auth": "text" },
};
const metaPrefix = "grpc_meta.";

const columns = [
  { heading: "Property", path: "property" },
  { heading: "Value", path: "value" },
];

const prop = required("name", `${Object.keys(properties).join(", ")}, or ${metaPrefix}KEY`, { short: "p" });

export const configCommands: readonly Definition[] = [
  define({
    path: "config get",
    summary: "Show a property of a profile, or all of them",
    flags: { prop: text("name", "only this one", { short: "p" }) },
    argument: "prop",
    examples: ["config get", "config get --prop address --profile cloud"],
    async run(session, { prop: name }) {
      const { profile } = openProfile(session);
      if (profile === undefined) throw new Failure("environment", `there is no profile "${profileName(session)}"`);
      if (name === undefined && session.output.format === "json") return session.output.json(profile as Json);
      const names = name === undefined ? namesIn(profile) : [checkedName(name)];
      const rows = names.map((each) => ({ property: each, value: propertyOf(profile, each) }));
      if (name === undefined) return session.output.list(columns, onePage(rows));
      const [{ value } = { value: undefined }] = rows;
      session.output.thing(columns, { property: name, value: value ?? null });
      if (value === undefined && session.output.format === "text") session.output.say(`${name} is not set`);
    },
  }),
  define({
    path: "config set",
    summary: "Set a property of a profile; the file and the profile are made if they are not there",
    flags: { prop, value: required("value", "what it is to be", { short: "v" }) },
    examples: ["config set --prop address --value 127.0.0.1:7233", "config set -p tls -v true --profile cloud"],
    async run(session, { prop: name, value }) {
      const file = openProfile(session);
      const profile = file.profile ?? {};
      put(profile, checkedName(name), parsedValue(name, value));
      file.profiles[profileName(session)] = profile;
      file.save();
    },
  }),
  define({
    path: "config list",
    summary: "List the profiles of the file",
    flags: {},
    async run(session) {
      const names = Object.keys(openProfile(session).profiles).sort();
      await session.output.list([{ heading: "Name", path: "name" }], onePage(names.map((name) => ({ name }))));
    },
  }),
  define({
    path: "config delete",
    summary: "Remove a property of a profile",
    flags: { prop },
    argument: "prop",
    async run(session, { prop: name }) {
      const file = openProfile(session);
      if (file.profile === undefined || propertyOf(file.profile, checkedName(name)) === undefined)
        throw new Failure("environment", `profile "${profileName(session)}" has no ${name}`);
      put(file.profile, name, undefined);
      file.save();
    },
  }),
  define({
    path: "config delete-profile",
    summary: "Remove a profile; --profile has to name it",
    flags: {},
    examples: ["config delete-profile --profile old"],
    async run(session) {
      const { profile: name } = session.flags;
      if (name === undefined) throw new Failure("usage", "say which profile: --profile");
      const file = openProfile(session);
      if (file.profile === undefined) throw new Failure("environment", `there is no profile "${name}"`);
      delete file.profiles[name];
      file.save();
    },
  }),
];

interface ProfileFile {
  /** Of the whole file; changed in place. */
  readonly profiles: Record<string, TomlTable>;
  readonly profile: TomlTable | undefined;
  /** Throws {@link Failure} when what is there now could not be read back, or not be written. */
  save(): void;
}

function openProfile(session: Session): ProfileFile {
  const path = configPath(session);
  const document = read(path);
  const found = document["profile"];
  if (found !== undefined && !isTable(found)) throw new Failure("environment", `${path}: profile must be a table`);
  const profiles = (found ?? {}) as Record<string, TomlTable>;
  const save = () => write(path, stringify({ ...document, profile: profiles }));
  const name = profileName(session);
  return { profiles, profile: Object.hasOwn(profiles, name) ? profiles[name] : undefined, save };
}

function configPath({ flags }: Session): string {
  const { PAWL_CONFIG_FILE: ours, TEMPORAL_CONFIG_FILE: theirs } = process.env;
  return flags.configFile ?? (ours || theirs || defaultConfigPath());
}

function profileName({ flags }: Session): string {
  const { PAWL_PROFILE: ours, TEMPORAL_PROFILE: theirs } = process.env;
  return flags.profile ?? (ours || theirs || "default");
}

function read(path: string): TomlTable {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new Failure("environment", `${path} cannot be read: ${(error as Error).message}`);
  }
  try {
    return parse(source);
  } catch (error) {
    throw new Failure("environment", `${path} is not valid TOML: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** It may hold keys: nobody else reads it. It is replaced as a whole or not at all. */
function write(path: string, toml: string): void {
  try {
    loadClientConfigFromToml(toml);
  } catch (error) {
    throw new Failure("usage", (error as Error).message);
  }
  const partial = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(partial, toml, { mode: 0o600 });
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new Failure("environment", `${path} cannot be written: ${(error as Error).message}`);
  }
}

function checkedName(name: string): string {
  const isMeta = name.startsWith(metaPrefix) && name.length > metaPrefix.length;
  if (isMeta || Object.hasOwn(properties, name)) return name;
  throw new Failure(
    "usage",
    `there is no property "${name}"; there are ${Object.keys(properties).join(", ")} and ${metaPrefix}KEY`,
  );
}

function parsedValue(name: string, value: string): string | boolean {
  if (properties[name] !== "switch") return value;
  if (value !== "true" && value !== "false") throw new Failure("usage", `${name} is true or false, not "${value}"`);
  return value === "true";
}

/** The table that holds a property, and its name there. */
function placeOf(profile: TomlTable, name: string): { readonly table: TomlTable | undefined; readonly key: string } {
  const dot = name.indexOf(".");
  if (dot < 0) return { table: profile, key: name };
  const inner = profile[name.slice(0, dot)];
  return { table: isTable(inner) ? inner : undefined, key: name.slice(dot + 1) };
}

function propertyOf(profile: TomlTable, name: string): string | boolean | undefined {
  const { table, key } = placeOf(profile, name);
  const value = table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
  // That there is a table of TLS means that there is TLS.
  if (name === "tls") return isTable(value) ? true : undefined;
  return typeof value === "string" || typeof value === "boolean" ? value : undefined;
}

function put(profile: TomlTable, name: string, value: string | boolean | undefined): void {
  if (name === "tls") {
    if (value === true) profile["tls"] = isTable(profile["tls"]) ? profile["tls"] : {};
    else delete profile["tls"];
    return;
  }
  const { table, key } = placeOf(profile, name);
  if (value === undefined) {
    if (table !== undefined) delete table[key];
  } else if (table === undefined) profile[name.slice(0, name.indexOf("."))] = { [key]: value };
  else table[key] = value;
}

function namesIn(profile: TomlTable): string[] {
  const known = Object.keys(properties).filter((name) => propertyOf(profile, name) !== undefined);
  const meta = profile["grpc_meta"];
  return [...known, ...Object.keys(isTable(meta) ? meta : {}).map((key) => `${metaPrefix}${key}`)];
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
