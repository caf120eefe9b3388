/** The two servers that are compared, each started on a database file of its own. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type RunningServer, startPawl, startReference } from "../rig/server.ts";
import { cacheFolder } from "../rig/toolchain.ts";
import { type ProfileOptions, pawlStats, probedEnvironment } from "./pawl-stats.ts";
import type { ProbeReport } from "./probe.ts";

export type System = "pawl" | "reference";

/** Starts a server on the same file each time. */
export type Start = (options?: { port?: number }) => Promise<RunningServer>;

export interface Instance {
  readonly dbFilename: string;
  readonly start: Start;
  /** What the server counted since the call before; undefined for the reference. */
  readonly stats: (server: RunningServer) => Promise<ProbeReport | undefined>;
  /** Removes the file. */
  readonly [Symbol.dispose]: () => void;
}

/** The name of a file that is not there yet, in a folder of its own on the disk that holds the repository (`/tmp` may be memory), removed at the end. */
export function emptyFile(): { readonly filename: string; readonly [Symbol.dispose]: () => void } {
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, "bench-data-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // A bench that is interrupted leaves no gigabytes behind.
  process.once("exit", remove);
  return {
    filename: join(folder, "state.db"),
    [Symbol.dispose]: () => {
      process.off("exit", remove);
      remove();
    },
  };
}

/** A system with an empty database. */
export async function emptyInstance(system: System, options: ProfileOptions = {}): Promise<Instance> {
  const file = emptyFile();
  const dbFilename = file.filename;
  const statsFile = join(dirname(dbFilename), "stats.json");
  return {
    dbFilename,
    start: ({ port } = {}) => {
      const at = port === undefined ? { dbFilename } : { dbFilename, port };
      return system === "pawl" ? startPawl({ ...at, env: probedEnvironment(statsFile, options) }) : startReference(at);
    },
    stats: async ({ pid }) => (system === "pawl" ? pawlStats(pid, statsFile) : undefined),
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}
