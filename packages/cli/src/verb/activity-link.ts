/** `pawl activity link`: a link that lets whoever has it complete an activity once. */
import { define } from "../command/definition.ts";
import { required, span, text } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import { printable } from "../output/terminal.ts";

export const linkCommand = define({
  path: "activity link",
  summary: "Make a link that lets whoever has it complete an activity once, from a browser or by a POST",
  flags: {
    workflowId: text("id", "its workflow; without it a standalone activity", { short: "w" }),
    runId: text("id", "the run; without it the current one", { short: "r" }),
    activityId: required("id", "the activity, which a worker must have begun", { short: "a" }),
    expiresIn: span("how long the link is good for, such as 30m, 24h or 7d; default: 7d"),
    httpAddress: text("url", "where the server serves HTTP; default: http://127.0.0.1:7243"),
  },
  examples: ["activity link -w order-1 -a approve --expires-in 24h"],
  async run(session, { expiresIn = 7 * 86_400_000, httpAddress = "http://127.0.0.1:7243", ...target }) {
    const { namespace, output } = session;
    const body = { ...target, namespace, expiresIn: `${expiresIn / 1_000}s` };
    const made = (await post(httpAddress, "activity-link", body)) as Link;
    output.json(made);
    const { url, expiresTime, activity } = made;
    output.say(url);
    if (output.format !== "text") return;
    // The link alone is what a script takes on; the rest is for people.
    const of = activity.workflowType === "" ? "" : ` of ${activity.workflowType}`;
    process.stderr.write(printable(`completes activity ${activity.activityType}${of}, once, until ${expiresTime}\n`));
  },
});

interface Link {
  readonly url: string;
  readonly expiresTime: string;
  readonly activity: { readonly activityType: string; readonly workflowType: string };
}

async function post(address: string, path: string, body: unknown): Promise<unknown> {
  if (!URL.canParse(address))
    throw new Failure("usage", `${JSON.stringify(address)} is not an address such as http://127.0.0.1:7243`);
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
