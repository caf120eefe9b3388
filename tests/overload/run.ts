/**
 * `npm run overload`: slow and hostile clients, ten thousand long polls, three times the load that the server can carry in a small heap, a noisy
 * tenant, and a stop under load. Prints what a client with good manners saw meanwhile; the bars are those of docs/reliability.md.
 */
import { parseArgs } from "node:util";
import { usageOf } from "../bench/process-usage.ts";
import { call } from "../rig/call.ts";
import { attacks, noise, noisyNamespace } from "./attacks.ts";
import { overCapacity } from "./capacity.ts";
import { attack } from "./hostility.ts";
import { openLongPolls } from "./long-polls.ts";
import { missingOf, overloadedServer, PoliteClient, until } from "./subject.ts";

const parts = { hostile, polls, capacity, tenant, drain } as const;
type Part = keyof typeof parts;

/** Of each measurement without and with what disturbs. */
let seconds = 10;
let failed = 0;

const ms = (value: number) => `${value.toFixed(1)} ms`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

function say(what: string, found: string, met?: boolean): void {
  if (met === false) failed += 1;
  console.log(`  ${(met === undefined ? "" : met ? "met" : "NOT").padEnd(4)}${what.padEnd(52)}${found}`);
}

/** What a polite client sees while something else goes on. */
async function watched<T>(address: string, meanwhile: () => Promise<T>, namespace = "default") {
  const polite = await PoliteClient.begin(address, { namespace });
  const result = await meanwhile();
  await polite.stop();
  return { polite, result };
}

const quiet = (address: string, namespace?: string) =>
  watched(address, () => new Promise((resolve) => setTimeout(resolve, seconds * 1_000)), namespace);

async function hostile(): Promise<void> {
  const connections = 200;
  console.log(
    `\n${connections} hostile clients of each kind for ${seconds} s; start of a workflow meanwhile: p50, p99, refused`,
  );
  const subject = await overloadedServer();
  const { address, pid } = subject.server;
  const { polite: alone } = await quiet(address);
  say("nobody else", `${ms(alone.quantile(0.5))}, ${ms(alone.quantile(0.99))}`);
  for (const { name, about, ends } of attacks) {
    const { polite, result } = await watched(address, () => attack(address, [name], { connections, seconds }));
    const { closed } = result[name]!;
    const found = `${ms(polite.quantile(0.5))}, ${ms(polite.quantile(0.99))}, ${polite.failures.length}, closed ${closed}`;
    const isMet = polite.failures.length === 0 && (ends !== "at once" || closed === connections);
    say(`${name}: ${about}`, `${found}, RSS ${megabytes(usageOf(pid).rssBytes)}`, isMet);
  }
  await until("nothing is held", async () => (await subject.metric("service_waiting_bytes")) === 0);
  say("acknowledged starts that are lost", String((await missingOf(address, alone.acknowledged)).length));
  await subject.end();
}

async function polls(): Promise<void> {
  console.log("\nlong polls");
  const subject = await overloadedServer();
  const { address, pid } = subject.server;
  const before = usageOf(pid).rssBytes;
  const { polite: alone } = await quiet(address);
  const polling = await openLongPolls(address, { connections: 200, each: 50 });
  await until("all wait", async () => (await subject.metric("service_pending_requests")) >= 10_000);
  const { polite } = await quiet(address);
  say(
    "10,000 polls over 200 connections, RSS at most 1 GB",
    megabytes(usageOf(pid).rssBytes),
    usageOf(pid).rssBytes <= 1e9,
  );
  say("RSS before", megabytes(before));
  say("start of a workflow p50, p99 without", `${ms(alone.quantile(0.5))}, ${ms(alone.quantile(0.99))}`);
  say("start of a workflow p50, p99 with", `${ms(polite.quantile(0.5))}, ${ms(polite.quantile(0.99))}`);
  polling.close();
  await subject.end();
}

async function capacity(): Promise<void> {
  console.log("\nthree times the load that can be carried, heap of 512 MB");
  const { peak, goodput, refused, rssBytes } = await overCapacity(seconds);
  say("workflows/s at their best", peak.toFixed(0));
  say("workflows/s at three times as many starts", goodput.toFixed(0));
  say("goodput at least 80 % of the best", `${((goodput / peak) * 100).toFixed(0)} %`, goodput >= 0.8 * peak);
  say("starts that were refused, of all", `${(refused * 100).toFixed(0)} %`);
  say("RSS", megabytes(rssBytes));
}

async function tenant(): Promise<void> {
  console.log("\na noisy tenant beside a quiet one, --namespace-rps 200");
  const subject = await overloadedServer(["--namespace-rps", "200"]);
  const { address } = subject.server;
  for (const namespace of ["quiet", noisyNamespace])
    await call(address, "RegisterNamespace", {
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400, nanos: 0 },
    });
  const { polite: alone } = await quiet(address, "quiet");
  const force = { connections: 4, seconds };
  const { polite } = await watched(address, () => attack(address, [noise.name], force), "quiet");
  const [before, after] = [alone.quantile(0.99), polite.quantile(0.99)];
  say("the quiet one: refused", String(polite.failures.length), polite.failures.length === 0);
  say("the quiet one: p99 alone, beside", `${ms(before)}, ${ms(after)}`);
  say("p99 beside less than twice as long", `${(after / before).toFixed(1)} ×`, after < 2 * before);
  await subject.end();
}

async function drain(): Promise<void> {
  console.log("\nstop under load, with 10,000 long polls");
  const subject = await overloadedServer();
  const { server } = subject;
  const polling = await openLongPolls(server.address, { connections: 200, each: 50 });
  await until("all wait", async () => (await subject.metric("service_pending_requests")) >= 10_000);
  const polite = await PoliteClient.begin(server.address, { atOnce: 50, pauseMs: 0 });
  await until("there is load", async () => polite.acknowledged.length >= 1_000);
  const beganAtMs = performance.now();
  const code = await server.stop();
  const tookMs = performance.now() - beganAtMs;
  const outcomes = await polling.ended;
  await polite.stop();
  const answered = outcomes.filter((outcome) => outcome.type === "status" && outcome.status === 0).length;
  say("exit code 0 within 10 s", `${code} after ${(tookMs / 1_000).toFixed(1)} s`, code === 0 && tookMs <= 10_000);
  say("long polls answered", `${answered} of ${outcomes.length}`, answered === outcomes.length);
  const { address } = await subject.again();
  const missing = await missingOf(address, polite.acknowledged);
  say("acknowledged starts that are lost", `${missing.length} of ${polite.acknowledged.length}`, missing.length === 0);
  await subject.end();
}

const { values } = parseArgs({
  options: { only: { type: "string" }, seconds: { type: "string", default: "10" } },
});
seconds = Number(values.seconds);
const chosen = (values.only?.split(",") ?? Object.keys(parts)) as Part[];
const unknown = chosen.filter((name) => !(name in parts));
if (unknown.length > 0 || !(seconds > 0)) {
  console.error(`usage: npm run overload -- [--only ${Object.keys(parts).join(",")}] [--seconds N]`);
  process.exit(2);
}
for (const name of chosen) await parts[name]();
process.exit(failed > 0 ? 1 : 0);
