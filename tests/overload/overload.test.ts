/** A short turn of `npm run overload`: what must hold however fast the machine is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { usageOf } from "../bench/process-usage.ts";
import { attacks } from "./attacks.ts";
import { attack } from "./hostility.ts";
import { openLongPolls } from "./long-polls.ts";
import { missingOf, overloadedServer, PoliteClient, until } from "./subject.ts";

const memoryMax = 1e9;

test("slow and hostile clients hold nobody up, keep nothing, and those that break the rules are cut off", async () => {
  const subject = await overloadedServer();
  try {
    const { address, pid } = subject.server;
    const polite = await PoliteClient.begin(address);
    const names = attacks.map(({ name }) => name);
    const attacked = await attack(address, names, { connections: 3, seconds: 3 });
    await polite.stop();
    assert.deepEqual(polite.failures, []);
    assert.ok(polite.acknowledged.length > 0, "no call of the polite client has ended");
    for (const { name, ends } of attacks)
      if (ends === "at once") assert.equal(attacked[name]?.closed, attacked[name]?.connections, name);
    // The attackers have gone, and what was held for them with them.
    await until("nothing is held any more", async () => (await subject.metric("service_waiting_bytes")) === 0);
    await until("no call is left", async () => (await subject.metric("service_pending_requests")) === 0);
    assert.deepEqual(await missingOf(address, polite.acknowledged), []);
    assert.ok(usageOf(pid).rssBytes < memoryMax);
  } finally {
    await subject.end();
  }
});

test("a server that is told to stop under load answers a thousand long polls, loses nothing and ends well", async () => {
  const subject = await overloadedServer();
  try {
    const { server } = subject;
    const polls = await openLongPolls(server.address, { connections: 20, each: 50 });
    await until("all wait", async () => (await subject.metric("service_pending_requests")) >= 1_000);
    const polite = await PoliteClient.begin(server.address, { atOnce: 20, pauseMs: 0 });
    await until("there is load", async () => polite.acknowledged.length >= 200);
    const code = await server.stop();
    const outcomes = await polls.ended;
    await polite.stop();
    polls.close();
    assert.equal(code, 0);
    const badly = outcomes.filter((outcome) => outcome.type !== "status" || outcome.status !== 0);
    assert.deepEqual(badly.slice(0, 3), [], `${badly.length} of ${outcomes.length} polls were not answered`);
    const { address } = await subject.again();
    assert.deepEqual(await missingOf(address, polite.acknowledged), []);
  } finally {
    await subject.end();
  }
});
