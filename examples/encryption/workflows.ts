/** Knows nothing of encryption: codecs run outside of workflow code. */
import { ApplicationFailure, defineQuery, proxyActivities, setHandler } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

export interface Patient {
  name: string;
  diagnosis: string;
}

export const diagnosisQuery = defineQuery<string>("diagnosis");

const { prescribe } = proxyActivities<typeof activities>({ startToCloseTimeout: "10 seconds" });

export async function treatment(patient: Patient): Promise<string> {
  setHandler(diagnosisQuery, () => patient.diagnosis);
  const medicine = await prescribe(patient);
  if (medicine === undefined) throw ApplicationFailure.nonRetryable(`nothing helps against ${patient.diagnosis}`);
  return medicine;
}
