import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { loanApproval } from "./workflows.ts";

const applicantId = process.argv[2] ?? "erin";
const documentIds = process.argv.slice(3);

const client = new Client({ connection: await Connection.connect({ address }) });
const decision = await client.workflow.execute(loanApproval, {
  workflowId: `loan-${applicantId}-${Date.now()}`,
  taskQueue: "loan-approval",
  args: [{ applicantId, amount: 10_000, documentIds: documentIds.length > 0 ? documentIds : ["passport", "payslip"] }],
});
console.log("Decision:", JSON.stringify(decision));
await client.connection.close();
