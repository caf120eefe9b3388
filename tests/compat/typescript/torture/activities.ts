/** Effects on a ledger that no fault reaches: a SQLite file of its own, one row an idempotency key. */
import { DatabaseSync } from "node:sqlite";
import { activityInfo, CompleteAsyncError } from "@temporalio/activity";

export interface Activities {
  /** Has its effect once per workflow and step, however often it is tried. */
  apply(step: string): Promise<string>;
  /** Completed from outside. */
  approve(): Promise<string>;
}

export function openLedger(filename: string): DatabaseSync {
  const ledger = new DatabaseSync(filename);
  ledger.exec("PRAGMA journal_mode=WAL; PRAGMA busy_timeout=10000");
  ledger.exec("CREATE TABLE IF NOT EXISTS effect (key TEXT PRIMARY KEY, tried INTEGER NOT NULL)");
  return ledger;
}

export function createActivities(ledger: DatabaseSync): Activities {
  const upsert = ledger.prepare(
    "INSERT INTO effect (key, tried) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET tried = tried + 1",
  );
  return {
    async apply(step) {
      const key = `${activityInfo().workflowExecution?.workflowId}/${step}`;
      upsert.run(key);
      return key;
    },
    async approve() {
      throw new CompleteAsyncError();
    },
  };
}
