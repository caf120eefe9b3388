/** The recorded commands and flags of the official command line are those of an installed one (`PAWL_OFFICIAL=record` records them). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { preparePython } from "../rig/python.ts";
import { askedCommands, record, recordedCommands } from "./official-commands.ts";

test("what is recorded of the official command line is what it says of itself", { timeout: 600_000 }, async (t) => {
  const python = await preparePython();
  if ("skipped" in python) return t.skip(python.skipped);
  const asked = await askedCommands(python.tool.temporal);
  if (process.env["PAWL_OFFICIAL"] === "record") record(asked);
  assert.deepEqual(asked, recordedCommands());
});
