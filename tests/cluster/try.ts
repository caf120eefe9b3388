/**
 * `npm run cluster`: three nodes on this machine, to try things out. Takes a PostgreSQL database (`--db-url`), or starts a server of its own and takes it
 * away again. Ends with SIGINT (Ctrl-C) or when its input does.
 */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Postgres } from "../rig/postgres.ts";
import { type RunningServer, startNode } from "../rig/server.ts";

const { values } = parseArgs({
  options: {
    "db-url": { type: "string" },
    nodes: { type: "string", default: "3" },
    port: { type: "string", default: "7233" },
  },
});
const [nodeCount, firstPort] = [Number(values.nodes), Number(values.port)];
const own = values["db-url"] === undefined ? await Postgres.start() : undefined;
const url = values["db-url"] ?? own!.url();
const nodes = new Map<number, RunningServer>();

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function start(number: number): Promise<void> {
  if (nodes.has(number)) return say(`node ${number} runs already`);
  const node = await startNode(url, { name: `node-${number}`, port: firstPort + number - 1 });
  nodes.set(number, node);
  say(`node ${number} answers at ${node.address}, process ${node.pid}`);
}

async function end(number: number, how: "kill9" | "stop"): Promise<void> {
  const node = nodes.get(number);
  if (!node) return say(`node ${number} does not run`);
  nodes.delete(number);
  await node[how]();
  say(`node ${number} has ended`);
}

async function endAll(): Promise<void> {
  await Promise.all([...nodes.keys()].map((number) => end(number, "stop")));
  await own?.remove();
}

const verbs: Readonly<Record<string, (number: number) => Promise<void>>> = {
  start,
  stop: (number) => end(number, "stop"),
  kill: (number) => end(number, "kill9"),
};

try {
  for (let number = 1; number <= nodeCount; number++) await start(number);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  await endAll();
  process.exit(1);
}
say(`the database is ${url}`);
say("every node answers for all; type start N, stop N or kill N");

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const [verb = "", number = ""] = line.trim().split(/\s+/);
  const act = verbs[verb];
  if (act === undefined || !/^[1-9]$/.test(number)) say("start N, stop N or kill N, with a number such as 1");
  else act(Number(number)).catch((error: unknown) => say(String(error)));
});
await Promise.race([once(lines, "close"), once(process, "SIGINT"), once(process, "SIGTERM")]);
lines.close();
await endAll();
process.exit(0);
