/** A loan: credit score, documents, approval. Every step carries a request id, so that none counts twice however often it is tried. */
import { defineQuery, log, proxyActivities, setHandler, workflowInfo } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

export interface Application {
  applicantId: string;
  amount: number;
  documentIds: string[];
}

export type Decision =
  | { approved: true; amount: number; interestRate: number; approvedAt: string }
  | { approved: false; reason: string };

export type Step = "credit score" | "documents" | "approval" | "done";
export const stepQuery = defineQuery<Step>("step");

const scoreMin = 650;

const { checkCreditScore, approveLoan } = proxyActivities<typeof activities>({
  startToCloseTimeout: "1 minute",
  retry: { initialInterval: "100 milliseconds", maximumInterval: "30 seconds", maximumAttempts: 5 },
});

const { verifyDocuments } = proxyActivities<typeof activities>({
  startToCloseTimeout: "10 minutes",
  heartbeatTimeout: "10 seconds",
});

export async function loanApproval({ applicantId, amount, documentIds }: Application): Promise<Decision> {
  let step: Step = "credit score";
  setHandler(stepQuery, () => step);
  // The workflow's own id: the same for every attempt, every replay and every worker.
  const requestId = workflowInfo().workflowId;

  const { score } = await checkCreditScore(applicantId, requestId);
  log.info("credit score known", { applicantId, score });
  if (score < scoreMin) return { approved: false, reason: "Insufficient credit score" };

  step = "documents";
  const { verified } = await verifyDocuments(documentIds);
  if (verified < documentIds.length) return { approved: false, reason: "Document verification failed" };

  step = "approval";
  const decision = await approveLoan(amount, requestId);
  step = "done";
  return decision;
}
