/**
 * Prepares what the tests need of other languages, once, below the repository's `.cache/`: a folder per toolchain, stamped with the hash of
 * the files that pin it. A folder whose stamp matches is used as it is; otherwise it is made anew under a lock, since `npm test`
 * starts several processes that may want the same one. A language that the machine lacks is skipped with one sentence; with `CI=true`
 * it is an error, so that a green run on CI means that all languages ran.
 */
import { execFile } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

export const repository = join(import.meta.dirname, "../..");
export const cacheFolder = join(repository, ".cache");

/** What starts a program: `command` with `args` before those of the caller. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A toolchain that is ready for use, or the sentence that says why it is not. */
export type Prepared<T> = { readonly tool: T } | { readonly skipped: string };

/** Thrown by a preparation when the machine lacks the language itself, in contrast to a preparation that failed. */
export class LanguageMissing extends Error {}

export interface Recipe<T> {
  /** The folder below `.cache/`. */
  readonly name: string;
  /** Files and folders whose contents decide whether the cache is still good. */
  readonly pins: readonly string[];
  /** Anything else that decides it, e.g. the version of the compiler. Throws {@link LanguageMissing}. */
  fingerprint(): Promise<string>;
  /** False when something that was prepared outside the folder has gone; then all is prepared anew. */
  isWhole?(): boolean;
  /** Fills the empty `folder`. */
  prepare(folder: string): Promise<void>;
  /** What callers get, once `folder` is filled. */
  use(folder: string): T;
}

export async function prepare<T>(recipe: Recipe<T>): Promise<Prepared<T>> {
  try {
    const fingerprint = await recipe.fingerprint();
    return { tool: await prepared(recipe, fingerprint) };
  } catch (error) {
    if (!(error instanceof LanguageMissing) || process.env["CI"] === "true") throw error;
    return { skipped: error.message };
  }
}

async function prepared<T>(recipe: Recipe<T>, fingerprint: string): Promise<T> {
  const stamp = await stampOf(recipe.pins, fingerprint);
  const folder = join(cacheFolder, recipe.name);
  const stampFile = join(cacheFolder, `${recipe.name}.stamp`);
  await mkdir(cacheFolder, { recursive: true });
  const isGood = async () => (await textOf(stampFile)) === stamp && (recipe.isWhole?.() ?? true);
  if (await isGood()) return recipe.use(folder);
  await using _lock = await locked(join(cacheFolder, `${recipe.name}.lock`));
  // Whoever held the lock before may have prepared what is wanted here.
  if (await isGood()) return recipe.use(folder);
  await rm(stampFile, { force: true });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await recipe.prepare(folder);
  await writeFile(stampFile, stamp);
  return recipe.use(folder);
}

const outputShown = 8_192;

/** Runs a command to its end. Throws with the end of its output when it fails, and {@link LanguageMissing} when there is no such command. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, [...args], { ...options, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === "ENOENT") throw new LanguageMissing(`no \`${command}\` on this machine`);
    throw new Error(`${command} ${args.join(" ")} failed:\n${`${stdout}${stderr}`.slice(-outputShown)}`);
  }
}

async function stampOf(pins: readonly string[], fingerprint: string): Promise<string> {
  const hash = createHash("sha256").update(fingerprint);
  for (const pin of pins) await addFile(hash, pin);
  return hash.digest("hex");
}

async function addFile(hash: Hash, path: string): Promise<void> {
  if ((await stat(path)).isDirectory()) {
    for (const name of (await readdir(path)).sort()) await addFile(hash, join(path, name));
  } else {
    hash.update(path.slice(repository.length)).update(await readFile(path));
  }
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

const lockPollMs = 200;

/** A lock file that names its owner, so that the lock of a killed process is taken over. */
async function locked(path: string): Promise<AsyncDisposable> {
  for (;;) {
    const file = await open(path, "wx").catch(() => undefined);
    if (file) {
      await file.writeFile(String(process.pid));
      await file.close();
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    }
    const owner = Number(await textOf(path));
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
    else await delay(lockPollMs);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
