/** `pawl activity …`: what a person does to activities, of workflows or standalone. */
import { Command, Option } from "commander";
import { Failure } from "./failure.ts";
import { parseSpan } from "./span.ts";

interface LinkFlags {
  readonly workflowId?: string;
  readonly runId?: string;
  readonly activityId: string;
  readonly namespace: string;
  readonly expiresIn: number;
  readonly httpAddress: string;
  readonly output: "text" | "json";
}

export function activityCommand(): Command {
  const command = new Command("activity").description("Work with activities");
  command
    .command("link")
    .description("Make a link that lets whoever has it complete an activity once, from a browser or by a POST")
    .option("-w, --workflow-id <id>", "its workflow; without it a standalone activity")
    .option("-r, --run-id <id>", "the run; without it the current one")
    .requiredOption("-a, --activity-id <id>", "the activity, which a worker must have begun")
    .option("-n, --namespace <name>", "its namespace", "default")
    .option("--expires-in <span>", "how long the link is good for, such as 30m, 24h or 7d", parseSpan, 7 * 86_400)
    .option("--http-address <url>", "where the server serves HTTP", "http://127.0.0.1:7243")
    .addOption(new Option("-o, --output <format>", "how to print it").choices(["text", "json"]).default("text"))
    .action(link);
  return command;
}

interface Link {
  readonly url: string;
  readonly expiresTime: string;
  readonly activity: { readonly activityType: string; readonly workflowType: string };
}

async function link({ output, httpAddress, expiresIn, ...target }: LinkFlags): Promise<void> {
  const made = (await post(httpAddress, "activity-link", { ...target, expiresIn: `${expiresIn}s` })) as Link;
  if (output === "json") return void process.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
  const { url, expiresTime, activity } = made;
  process.stdout.write(`${url}\n`);
  // The link alone is what a script takes on; the rest is for people.
  const of = activity.workflowType === "" ? "" : ` of ${activity.workflowType}`;
  process.stderr.write(`completes activity ${activity.activityType}${of}, once, until ${expiresTime}\n`);
}

async function post(address: string, path: string, body: unknown): Promise<unknown> {
  if (!URL.canParse(address))
    throw new Failure("usage", `${JSON.stringify(address)} is no address such as http://127.0.0.1:7243`);
  const url = new URL(path, address.endsWith("/") ? address : `${address}/`);
  const headers = { "content-type": "application/json" };
  let answer: Response;
  try {
    answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Failure(
      "environment",
      `no server answers at ${address}: ${cause}; --http-address says where it serves HTTP`,
    );
  }
  const json = (await answer.json().catch(() => ({}))) as { readonly message?: string };
  if (!answer.ok) throw new Failure("environment", json.message ?? `the server answered ${answer.status}`);
  return json;
}
