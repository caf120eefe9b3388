/**
 * The nouns, verbs and flags of the official command line are there, but for those that are listed here with the reason. What it has is recorded in
 * tests/cli, where a test asks an installed one.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { definitions } from "./command/commands.ts";
import { type Flags, longName } from "./command/flag.ts";
import { globalFlags } from "./command/global-flags.ts";

const { commands: theirs } = JSON.parse(
  readFileSync(new URL("../../../tests/cli/official-commands.json", import.meta.url), "utf8"),
) as { readonly commands: Readonly<Record<string, readonly string[]>> };

/** By the beginning of the path: none of these commands is here. */
const absent: readonly (readonly [path: string, why: string])[] = [
  ["env", "older than profiles, which pawl config and both command lines share"],
  ["nexus operation", "standalone Nexus operations are not served"],
  ["operator cluster remove", "there is one cluster"],
  ["operator cluster upsert", "there is one cluster"],
  ["task-queue get-build-id", "the versioning before worker deployments is switched off, as in the reference server"],
  ["task-queue update-build-ids", "the versioning before worker deployments is switched off"],
  ["task-queue versioning", "the versioning before worker deployments is switched off"],
  ["worker deployment update-version-compute-config", "this server starts no workers in clouds"],
];

const archival = "nothing is archived elsewhere";
const clusters = "there is one cluster";
/** Flags of commands that are here. */
const lacking: readonly (readonly [path: string, flags: readonly string[], why: string])[] = [
  ["activity describe", ["raw"], "--output json has all"],
  ["activity reset", ["headers"], "the API takes none for it"],
  ["activity unpause", ["headers"], "the API takes none for it"],
  ["activity update-options", ["headers"], "the API takes none for it"],
  ["operator namespace create", ["active-cluster", "cluster", "global"], clusters],
  ["operator namespace update", ["active-cluster", "cluster", "promote-global", "replication-state"], clusters],
  [
    "operator namespace",
    ["history-archival-state", "history-uri", "visibility-archival-state", "visibility-uri"],
    archival,
  ],
  ["schedule list", ["long", "really-long"], "--fields chooses columns"],
  [
    "task-queue describe",
    [
      "legacy-mode",
      "partitions-legacy",
      "task-queue-type-legacy",
      "select-all-active",
      "select-build-id",
      "select-unversioned",
      "report-reachability",
    ],
    "the versioning before worker deployments is switched off",
  ],
  ["task-queue describe", ["disable-stats", "report-config"], "both are always shown: they cost nothing here"],
  ["worker", ["include-system-workers"], "no worker of the server's own is in the list"],
  ["workflow cancel", ["headers"], "the API takes none for it"],
  ["workflow delete", ["headers"], "the API takes none for it"],
  ["workflow update-options", ["headers"], "the API takes none for it"],
  ["workflow execute", ["detailed"], "workflow show --follow --detailed shows the history"],
  ["workflow trace", ["concurrency", "fold", "no-fold"], "the tree is printed once, whole"],
  ["options", ["env", "env-file"], "profiles are in their place"],
  ["options", ["log-level", "log-format"], "the command line has no log: what goes wrong is one sentence on stderr"],
  ["options", ["client-authority"], "the authority is the server's name; --tls-server-name says another"],
];
/** The server's own page says which of its flags are here. */
const elsewhere = ["server start-dev"];
const inClouds = /^(aws|gcp)-/;

function isListed(path: string, flag: string): boolean {
  if (path === "worker deployment create-version" && inClouds.test(flag)) return true;
  return lacking.some(([where, flags]) => (path === where || path.startsWith(`${where} `)) && flags.includes(flag));
}

function namesOf(flags: Flags): ReadonlySet<string> {
  return new Set(
    Object.entries(flags).flatMap(([key, { aliases = [] }]) => [longName(key).slice("--".length), ...aliases]),
  );
}

const everywhere = namesOf(globalFlags);
const ours = new Map(definitions.map(({ path, flags }) => [path, new Set([...namesOf(flags), ...everywhere])]));

test("every command of the official command line is here, or listed as absent", () => {
  const found = Object.keys(theirs)
    .filter((path) => path !== "options" && !elsewhere.includes(path))
    .filter((path) => absent.some(([beginning]) => path.startsWith(beginning)) === ours.has(path));
  assert.deepEqual(found, []);
});

test("every flag of the commands that are here is understood, or listed as lacking", () => {
  const found = Object.entries(theirs).flatMap(([path, flags]) => {
    const known = path === "options" ? everywhere : ours.get(path);
    return known
      ? flags.filter((flag) => known.has(flag) === isListed(path, flag)).map((flag) => `${path} --${flag}`)
      : [];
  });
  assert.deepEqual(found, []);
});

test("every difference that is listed is one", () => {
  const paths = Object.keys(theirs);
  for (const [beginning] of absent)
    assert.ok(
      paths.some((path) => path.startsWith(beginning)),
      beginning,
    );
  for (const [where, flags] of lacking)
    for (const flag of flags)
      assert.ok(
        paths.some((path) => (path === where || path.startsWith(`${where} `)) && theirs[path]!.includes(flag)),
        `${where} --${flag}`,
      );
});
