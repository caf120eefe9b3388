import { activityInfo, CompleteAsyncError } from "@pawl/sdk/activity";
import type { Decision, Expense } from "./workflows.ts";

/** Where the server speaks HTTP. */
const httpAddress = process.env["PAWL_HTTP_ADDRESS"] ?? "http://localhost:7243";

/** Asks, and leaves the answer to others: the worker is free, and may be gone when the answer comes. */
export async function requestApproval({ title, amount }: Expense): Promise<Decision> {
  const { base64TaskToken } = activityInfo();
  const response = await fetch(`${httpAddress}/activity-link`, {
    method: "POST",
    body: JSON.stringify({ task_token: base64TaskToken, expiresIn: "604800s" }),
  });
  if (!response.ok) throw new Error(`no link was made: ${await response.text()}`);
  const { url } = (await response.json()) as { url: string };
  // A real one would send a mail. The token may do the same as the link and more: it stays among programs.
  console.log(`"${title}" of ${amount} waits for approval.\n  link: ${url}\n  task token: ${base64TaskToken}`);
  throw new CompleteAsyncError();
}

export async function payOut({ title, amount }: Expense): Promise<string> {
  return `${amount} paid for ${title}`;
}
