import assert from "node:assert/strict";
import { test } from "node:test";
import { CallFailed } from "@pawl/sdk/client";
import { refusalText } from "./refusal.ts";

test("what is not there may be in another namespace, and what is closed is not looked for there", () => {
  const told = (details: string) => {
    const failure = refusalText(new CallFailed(5, details), { address: "127.0.0.1:7233", namespace: "shop" });
    return (failure as Error).message;
  };
  assert.equal(
    told("workflow not found for ID: a"),
    "workflow not found for ID: a (namespace shop; --namespace names another)",
  );
  assert.equal(told("workflow execution already completed"), "workflow execution already completed");
});
