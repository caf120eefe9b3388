/** Client and service of Restate in one process: each workflow is a call of a service, known by its idempotency key, whose steps are `ctx.run`. */
import * as restate from "@restatedev/restate-sdk";
import * as clients from "@restatedev/restate-sdk-clients";
import { askedLoad, closedLoop, idsOf, payload } from "./closed-loop.ts";

const steps = restate.service({
  name: "steps",
  handlers: {
    run: async (ctx: restate.Context, count: number): Promise<string> => {
      let text = payload;
      for (let step = 0; step < count; step++) {
        const argument = text;
        text = await ctx.run("echo", async () => argument);
      }
      return text;
    },
  },
});

const load = askedLoad();
const port = await restate.serve({ services: [steps], port: 0 });
const registered = await fetch(`${load.at["admin"]}/deployments`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ uri: `http://127.0.0.1:${port}`, force: true }),
});
if (!registered.ok) throw new Error(`Restate took no deployment: ${registered.status} ${await registered.text()}`);
const ingress = clients.connect({ url: load.at["ingress"]! });
const [client, newId] = [ingress.serviceClient<typeof steps>({ name: "steps" }), idsOf()];
const report = await closedLoop(load, () => client.run(load.steps, clients.rpc.opts({ idempotencyKey: newId() })));
console.log(JSON.stringify(report));
process.exit();
