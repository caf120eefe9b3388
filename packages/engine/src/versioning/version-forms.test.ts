/** Versions as the API and events write them, in its newer and older forms, and what a run that another one started begins with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, history, type Init, workflow } from "@pawl/protocol";
import type { Heirloom, Override } from "../state/versioning.ts";
import { initialVersioning, nothing, startedFields, startedHeirloom } from "./version-inheritance.ts";
import { olderOverride, overrideOf, versionOfText, wireOverride } from "./version-override.ts";

const { ContinueAsNewVersioningBehavior, VersioningBehavior } = enums;
const { AUTO_UPGRADE, PINNED, UNSPECIFIED } = VersioningBehavior;
const version = { deploymentName: "d", buildId: "1" };
const pinned: Override = { type: "pinned", version };
const oneTime: Override = { type: "oneTime", version };
const autoUpgrade: Override = { type: "autoUpgrade" };

test("an override is understood in each of its forms, the newest first", () => {
  const forms: readonly (readonly [Init<workflow.VersioningOverride> | undefined, Override | null])[] = [
    [undefined, null],
    [{}, null],
    [{ behavior: UNSPECIFIED, pinnedVersion: "d.1" }, null],
    [{ pinned: { version } }, pinned],
    [{ pinned: {} }, null],
    [{ oneTime: { targetDeploymentVersion: version } }, oneTime],
    [{ oneTime: {}, behavior: AUTO_UPGRADE }, autoUpgrade],
    [{ autoUpgrade: true, behavior: PINNED, pinnedVersion: "d.1" }, autoUpgrade],
    [{ behavior: AUTO_UPGRADE }, autoUpgrade],
    [{ behavior: PINNED, pinnedVersion: "d.1" }, pinned],
    [{ behavior: PINNED, pinnedVersion: "d:1" }, pinned],
    [{ behavior: PINNED, pinnedVersion: "" }, null],
    [{ behavior: PINNED }, null],
    [{ behavior: PINNED, deployment: { seriesName: "d", buildId: "1" }, pinnedVersion: "e.2" }, pinned],
    [
      { behavior: PINNED, deployment: {} },
      { type: "pinned", version: { deploymentName: "", buildId: "" } },
    ],
    [{ pinned: { version: {} } }, { type: "pinned", version: { deploymentName: "", buildId: "" } }],
  ];
  for (const [given, expected] of forms) assert.deepEqual(overrideOf(given), expected, JSON.stringify(given));
});

test("an override that was written is read as it was, and Describe says it in the older form, too, where there is one", () => {
  for (const override of [pinned, oneTime, autoUpgrade]) {
    const codec = workflow.VersioningOverride;
    assert.deepEqual(overrideOf(codec.decode(codec.encode(wireOverride(override)))), override);
  }
  for (const override of [pinned, autoUpgrade]) assert.deepEqual(overrideOf(olderOverride(override)), override);
  assert.deepEqual(olderOverride(oneTime), {});
});

test("a version's name has two parts", () => {
  for (const text of ["", ".", "d", "d.", ".1", ":1"]) assert.equal(versionOfText(text), null, text);
  assert.deepEqual(versionOfText("d.1.2"), { deploymentName: "d", buildId: "1.2" });
});

const inherited = {
  none: null,
  pinned: { type: "pinned", version },
  autoUpgrade: {
    ...{ type: "autoUpgrade", version, revision: 7 },
    initialBehavior: ContinueAsNewVersioningBehavior.USE_RAMPING_VERSION,
  },
} as const satisfies Record<string, Heirloom["inherited"]>;

test("what a run begins with is read from its first event as it was written", () => {
  for (const each of Object.values(inherited))
    for (const override of [null, pinned, oneTime, autoUpgrade])
      for (const declined of [null, { version, revision: 3 }, { version: null, revision: 4 }]) {
        const heirloom: Heirloom = { inherited: each, override, declined };
        const codec = history.WorkflowExecutionStartedEventAttributes;
        assert.deepEqual(startedHeirloom(codec.decode(codec.encode(startedFields(heirloom)))), heirloom);
      }
});

test("a run's first version and behavior are those that it inherits, and an override names its deployment", () => {
  const begun = (some: Partial<Heirloom>) => {
    const versioning = initialVersioning({ ...nothing, ...some });
    return versioning && [versioning.deploymentName, versioning.behavior, versioning.version, versioning.override];
  };
  assert.equal(begun({}), null);
  assert.equal(begun({ declined: { version, revision: 1 } }), null);
  assert.deepEqual(begun({ override: pinned }), ["d", UNSPECIFIED, null, pinned]);
  assert.deepEqual(begun({ override: autoUpgrade }), ["", UNSPECIFIED, null, autoUpgrade]);
  assert.deepEqual(begun({ inherited: inherited.pinned }), ["d", PINNED, version, null]);
  assert.deepEqual(begun({ inherited: inherited.autoUpgrade, override: autoUpgrade }), [
    ...["d", AUTO_UPGRADE, version, autoUpgrade],
  ]);
});
