import assert from "node:assert/strict";
import { test } from "node:test";
import { namespace, Waiting } from "./waiting-activity.ts";

const path = `/api/v1/namespaces/${namespace}/pending-activities`;

interface Answer {
  readonly activities: readonly {
    readonly workflowId: string;
    readonly runId: string;
    readonly workflowType: string;
    readonly taskQueue: string;
    readonly activity: { readonly activityId: string; readonly state: string; readonly heartbeatDetails?: unknown };
  }[];
  readonly examinedCount: number;
  readonly nextPageToken?: string;
}

test("activities that wait for their end are listed as JSON, page by page, and gone once they are completed", async (t) => {
  const waiting = await Waiting.open(t);
  await waiting.begin("first");
  await waiting.post("/heartbeat-activity", { task_token: waiting.token, details: { percent: 40 } });
  await waiting.begin("second");
  const ask = async (query: string) => (await waiting.ask(`GET ${path}?${query}`)).json as unknown as Answer;
  const first = await ask("state=started&pageSize=1");
  assert.deepEqual(
    first.activities.map(({ workflowId, workflowType, taskQueue, activity }) => [
      ...[workflowId, workflowType, taskQueue, activity.activityId, activity.state],
    ]),
    [["second", "Order", "second", "approve", "PENDING_ACTIVITY_STATE_STARTED"]],
  );
  const second = await ask(
    `state=started&startedFor=0.001s&nextPageToken=${encodeURIComponent(first.nextPageToken ?? "")}`,
  );
  assert.deepEqual([second.activities[0]?.workflowId, second.nextPageToken], ["first", undefined]);
  assert.deepEqual(second.activities[0]?.activity.heartbeatDetails, [{ percent: 40 }]);
  await waiting.post("/complete-activity", { task_token: waiting.token });
  assert.deepEqual(
    (await ask("state=started")).activities.map(({ workflowId }) => workflowId),
    ["first"],
  );
  assert.deepEqual(await ask("kind=activity"), { activities: [], examinedCount: 0 });
});

test("each refusal names the parameter", async (t) => {
  const waiting = await Waiting.open(t);
  const table = [
    ["state=broken", /^state: one of any, started, retrying, paused is expected$/],
    ["kind=schedule", /^kind: one of workflow, activity is expected$/],
    ["pageSize=-1", /^pageSize: a whole number is expected$/],
    ["pageSize=100000", /^pageSize must be from 0 to 200$/],
    ["startedFor=soon", /^startedFor: a duration such as "60s" is expected$/],
    ["nextPageToken=AAAA", /^Invalid NextPageToken\.$/],
  ] as const;
  for (const [query, message] of table) {
    const { status, json } = await waiting.ask(`GET ${path}?${query}`);
    assert.equal(status, 400);
    assert.match(String(json["message"]), message);
  }
  assert.equal((await waiting.ask("GET /api/v1/namespaces/none/pending-activities")).status, 404);
});
