import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { limits } from "../../limits.ts";
import {
  type Change,
  conflictTokenOf,
  type Deployment,
  newDeployment,
  setCurrent,
  setManager,
  setRamping,
  versionOf,
  withDrainage,
  withoutVersion,
  withQueue,
  withVersion,
} from "./deployment.ts";

const none = new Uint8Array(0);
const at = (nowMs: number, change: Partial<Change> = {}): Change => ({
  nowMs,
  identity: "me",
  conflictToken: none,
  ...change,
});

function accepted(deployment: Deployment | Rejection): Deployment {
  if (deployment instanceof Rejection) assert.fail(deployment.message);
  return deployment;
}

function refused(deployment: Deployment | Rejection): string {
  assert.ok(deployment instanceof Rejection);
  return `${deployment.code} ${deployment.message}`;
}

function withVersions(...buildIds: string[]): Deployment {
  return buildIds.reduce(
    (deployment, buildId, index) => accepted(withVersion(deployment, buildId, { nowMs: index }, new Set())),
    newDeployment("d", { nowMs: 0 }),
  );
}

describe("the current version", () => {
  test("takes over from the one before, which drains", () => {
    const first = accepted(setCurrent(withVersions("1", "2"), "1", at(10)));
    const second = accepted(setCurrent(first, "2", at(20)));
    assert.deepEqual([second.current, second.currentChangedAtMs, second.revision], ["2", 20, 2]);
    assert.deepEqual(
      ["1", "2"].map((buildId) => {
        const { currentSinceMs, lastCurrentAtMs, deactivatedAtMs, drainage } = versionOf(second, buildId)!;
        return [currentSinceMs, lastCurrentAtMs, deactivatedAtMs, drainage?.drained];
      }),
      [
        [null, 10, 20, false],
        [20, 20, null, undefined],
      ],
    );
  });

  test("ends the ramp of the same version", () => {
    const ramped = accepted(setRamping(withVersions("1"), { buildId: "1", percentage: 10 }, at(10)));
    const current = accepted(setCurrent(ramped, "1", at(20)));
    assert.equal(current.ramping, null);
    assert.deepEqual(
      [versionOf(current, "1")!.rampingSinceMs, versionOf(current, "1")!.firstActivatedAtMs],
      [null, 10],
    );
  });

  test("set again changes nothing, unless by another client", () => {
    const current = accepted(setCurrent(withVersions("1"), "1", at(10)));
    assert.equal(setCurrent(current, "1", at(20)), current);
    const other = accepted(setCurrent(current, "1", at(20, { identity: "you" })));
    assert.deepEqual([other.lastModifier, other.revision], ["you", 1]);
    assert.notDeepEqual(conflictTokenOf(other), conflictTokenOf(current));
  });

  test("is refused for a version that there is not, and for what was seen too long ago", () => {
    const deployment = withVersions("1", "2");
    assert.equal(
      refused(setCurrent(deployment, "9", at(1))),
      "NOT_FOUND build ID '9' not found in Worker Deployment 'd'",
    );
    const stale = conflictTokenOf(deployment);
    const changed = accepted(setCurrent(deployment, "1", at(1, { conflictToken: stale })));
    assert.equal(
      refused(setCurrent(changed, "2", at(2, { conflictToken: stale }))),
      "FAILED_PRECONDITION conflict token mismatch",
    );
  });
});

describe("the ramping version", () => {
  test("is never the current one", () => {
    const current = accepted(setCurrent(withVersions("1"), "1", at(1)));
    assert.match(refused(setRamping(current, { buildId: "1", percentage: 5 }, at(2))), /d\.1 is already current/);
    assert.match(
      refused(setRamping(withVersions(), { buildId: null, percentage: 5 }, at(2))),
      /__unversioned__ is already current/,
    );
  });

  test("keeps its start while its share changes, and drains when the ramp ends", () => {
    const small = accepted(setRamping(withVersions("1"), { buildId: "1", percentage: 5 }, at(10)));
    const large = accepted(setRamping(small, { buildId: "1", percentage: 50 }, at(20)));
    assert.deepEqual(
      [large.rampingChangedAtMs, large.percentageChangedAtMs, versionOf(large, "1")!.rampingSinceMs, large.revision],
      [10, 20, 10, 2],
    );
    const ended = accepted(setRamping(large, null, at(30)));
    assert.deepEqual([ended.ramping, versionOf(ended, "1")!.drainage?.drained], [null, false]);
    assert.equal(setRamping(ended, null, at(40)), ended);
  });
});

test("a manager keeps others from routing, until it is another or none", () => {
  const managed = accepted(setManager(withVersions("1"), "boss", at(1)));
  assert.match(refused(setCurrent(managed, "1", at(2))), /^FAILED_PRECONDITION ManagerIdentity 'boss' is set/);
  assert.equal(accepted(setCurrent(managed, "1", at(2, { identity: "boss" }))).current, "1");
  assert.equal(accepted(setManager(managed, "", at(3))).manager, "");
});

describe("a version goes", () => {
  const deletion = { identity: "me", skipDrainage: false, hasPollers: false };
  const drained = (deployment: Deployment) => withDrainage(deployment, "1", true, 90);
  const replaced = accepted(setCurrent(accepted(setCurrent(withVersions("1", "2"), "1", at(1))), "2", at(2)));

  test("only when nothing is sent to it, nothing is pinned to it and nobody polls for it", () => {
    assert.match(
      refused(withoutVersion(replaced, "2", deletion)),
      /'d:2' cannot be deleted since it is current or ramping/,
    );
    assert.match(refused(withoutVersion(replaced, "1", deletion)), /since it is draining/);
    assert.match(
      refused(withoutVersion(replaced, "1", { ...deletion, skipDrainage: true, hasPollers: true })),
      /has active pollers/,
    );
    assert.match(
      refused(withoutVersion(drained(replaced), "1", { ...deletion, hasPollers: true })),
      /has active pollers/,
    );
    assert.equal(accepted(withoutVersion(drained(replaced), "1", deletion)).versions.length, 1);
    assert.equal(accepted(withoutVersion(replaced, "1", { ...deletion, skipDrainage: true })).versions.length, 1);
    assert.equal(withoutVersion(replaced, "9", deletion), replaced);
  });

  test("at the word of the deployment's manager alone, and tells who said so", () => {
    const managed = accepted(setManager(drained(replaced), "boss", at(3)));
    assert.match(refused(withoutVersion(managed, "1", deletion)), /^FAILED_PRECONDITION ManagerIdentity 'boss' is set/);
    const left = accepted(withoutVersion(managed, "1", { ...deletion, identity: "boss" }));
    assert.deepEqual([left.lastModifier, left.versions.length], ["boss", 1]);
  });

  test("by itself to make room for another, the oldest that is of no use first", () => {
    const buildIds = Array.from({ length: limits.deploymentVersionsMax }, (_, index) => String(index + 1));
    const full = accepted(setCurrent(withVersions(...buildIds), "1", at(200)));
    assert.match(
      refused(withVersion(full, "new", { nowMs: 201 }, new Set())),
      /^RESOURCE_EXHAUSTED cannot add version d:new/,
    );
    const made = accepted(withVersion(full, "new", { nowMs: 201 }, new Set(buildIds)));
    assert.equal(made.versions.length, limits.deploymentVersionsMax);
    assert.deepEqual([versionOf(made, "1")?.buildId, versionOf(made, "2")], ["1", undefined]);
  });
});

test("a version has so many task queues, each of both kinds", () => {
  let deployment = withVersions("1");
  for (let index = 0; index < limits.deploymentQueuesMax; index++)
    deployment = accepted(withQueue(deployment, "1", { name: `q${index}`, kind: "workflow" }));
  deployment = accepted(withQueue(deployment, "1", { name: "q0", kind: "activity" }));
  assert.equal(withQueue(deployment, "1", { name: "q0", kind: "activity" }), deployment);
  assert.match(
    refused(withQueue(deployment, "1", { name: "more", kind: "workflow" })),
    /^RESOURCE_EXHAUSTED cannot add task queue more/,
  );
});
