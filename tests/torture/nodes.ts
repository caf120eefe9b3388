/**
 * `npm run torture:nodes -- --faults 60 --seed 7`: everything that befalls several nodes, for as long as is wanted: the faults of `tests/torture/nodes.test.ts` under
 * load from official SDK processes, then those of `tests/cluster`, as many rounds of each.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { faults: { type: "string", default: "60" }, seed: { type: "string" } } });
if (!/^[1-9]\d{0,5}$/.test(values.faults)) throw new Error("--faults is a number from 1 to 999999");
const env = {
  ...process.env,
  PAWL_TORTURE_FAULTS: values.faults,
  PAWL_FAULT_ROUNDS: String(Math.ceil(Number(values.faults) / 15)),
  ...(values.seed !== undefined && { PAWL_TORTURE_SEED: values.seed }),
};
const paths = ["tests/torture/nodes", "tests/cluster/"];
const child = spawn(process.execPath, ["tools/test.ts", ...paths], { stdio: "inherit", env });
const [code] = (await once(child, "exit")) as [number | null];
process.exitCode = code ?? 1;
