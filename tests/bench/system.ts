/** The two servers that are compared, each started on a database file of its own. */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { type RunningServer, startPawl, startReference } from "../rig/server.ts";
import { cacheFolder } from "../rig/toolchain.ts";
import { type ProfileOptions, pawlStats, probedEnvironment } from "./pawl-stats.ts";
import type { ProbeReport } from "./probe.ts";

export type System = "pawl" | "reference";

/** Starts a server on the same file each time. */
export type Start = (options?: { port?: number }) => Promise<RunningServer>;

export interface Instance {
  readonly start: Start;
  /** What the server counted since the call before; undefined for the reference. */
  readonly stats: (server: RunningServer) => Promise<ProbeReport | undefined>;
  /** Removes the file. */
  readonly [Symbol.dispose]: () => void;
}

/** A system with an empty database in a folder of its own, on the disk that holds the repository (`/tmp` may be memory). */
export async function emptyInstance(system: System, options: ProfileOptions = {}): Promise<Instance> {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(join(cacheFolder, "bench-data-"));
  const dbFilename = join(folder, "state.db");
  const statsFile = join(folder, "stats.json");
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // A bench that is interrupted leaves no gigabytes behind.
  process.once("exit", remove);
  return {
    start: ({ port } = {}) => {
      const at = port === undefined ? { dbFilename } : { dbFilename, port };
      return system === "pawl" ? startPawl({ ...at, env: probedEnvironment(statsFile, options) }) : startReference(at);
    },
    stats: async ({ pid }) => (system === "pawl" ? pawlStats(pid, statsFile) : undefined),
    [Symbol.dispose]: () => {
      process.off("exit", remove);
      remove();
    },
  };
}
