import { createHash } from "node:crypto";
import { activityInfo, heartbeat, log, sleep } from "@pawl/sdk/activity";
import { once } from "./ledger.ts";
import type { Decision } from "./workflows.ts";

/** From 300 to 850, the same for the same applicant. The bureau of this example cannot be reached at a request's first call. */
async function askBureau(applicantId: string): Promise<{ score: number }> {
  if (activityInfo().attempt === 1) throw new Error("the credit bureau cannot be reached");
  const hash = createHash("sha256").update(applicantId).digest();
  return { score: 300 + (hash.readUInt16BE(0) % 551) };
}

export async function checkCreditScore(applicantId: string, requestId: string): Promise<{ score: number }> {
  return await once(`score ${requestId}`, () => askBureau(applicantId));
}

/** Goes on after the last document that an earlier attempt had verified. */
export async function verifyDocuments(documentIds: readonly string[]): Promise<{ verified: number }> {
  const { heartbeatDetails } = activityInfo();
  let { checked, verified } = (heartbeatDetails ?? { checked: 0, verified: 0 }) as {
    checked: number;
    verified: number;
  };
  for (const documentId of documentIds.slice(checked)) {
    await sleep(20);
    checked++;
    if (!documentId.startsWith("forged")) verified++;
    heartbeat({ checked, verified });
  }
  log.info("documents verified", { verified, of: documentIds.length });
  return { verified };
}

export async function approveLoan(amount: number, requestId: string): Promise<Decision> {
  return await once(`approval ${requestId}`, async () => ({
    approved: true as const,
    amount,
    interestRate: 5.5,
    approvedAt: new Date().toISOString(),
  }));
}
