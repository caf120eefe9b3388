/** DBOS is a library over PostgreSQL, so client and worker are one: each workflow is a call by id, whose steps are `DBOS.runStep`. */
import { DBOS } from "@dbos-inc/dbos-sdk";
import { askedLoad, closedLoop, idsOf, payload } from "./closed-loop.ts";

const steps = DBOS.registerWorkflow(
  async (count: number): Promise<string> => {
    let text = payload;
    for (let step = 0; step < count; step++) {
      const argument = text;
      text = await DBOS.runStep(async () => argument, { name: "echo" });
    }
    return text;
  },
  { name: "steps" },
);

const load = askedLoad();
DBOS.setConfig({ name: "bench", systemDatabaseUrl: load.at["database"]!, logLevel: "error" });
await DBOS.launch();
const newId = idsOf();
const report = await closedLoop(load, async () => {
  const handle = await DBOS.startWorkflow(steps, { workflowID: newId() })(load.steps);
  await handle.getResult();
});
console.log(JSON.stringify(report));
process.exit();
