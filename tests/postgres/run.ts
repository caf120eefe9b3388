/**
 * `npm run test:postgres`: every suite that starts a server or an app, with Pawl's state in PostgreSQL, on a server that is started for them;
 * `-- tests/stories tests/compat`: those of these paths. With `--nodes 2` every Pawl that they start is a cluster of so many nodes, of which they call the first.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Postgres } from "../rig/postgres.ts";

/** All but what is about files (`tests/torture` has more), and what starts no server (the simulation). What is of PostgreSQL by itself is among them. */
const suites: readonly string[] = [
  ...[
    "stories",
    "programs",
    "http",
    "cli",
    "dev",
    "docs",
    "readme",
    "doctor",
    "metrics",
    "security",
    "testing",
    "transfer",
  ],
  ...[
    "sdk",
    "embedded",
    "fuzz",
    "overload",
    "ui",
    "postgres",
    "cluster",
    "compat/",
    "torture/torture",
    "torture/nodes",
  ],
].map((name) => `tests/${name}`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { nodes: { type: "string", default: "1" } },
});
if (!/^[1-9]$/.test(values.nodes)) throw new Error("--nodes is a number from 1 to 9");
const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off", max_connections: "400" } });
try {
  const env = { ...process.env, PAWL_TEST_DB_URL: postgres.url(), PAWL_TEST_NODES: values.nodes };
  const child = spawn(process.execPath, ["tools/test.ts", ...(positionals.length > 0 ? positionals : suites)], {
    stdio: "inherit",
    env,
  });
  const [code] = (await once(child, "exit")) as [number | null];
  process.exitCode = code ?? 1;
} finally {
  await postgres.remove();
}
