/**
 * The recorded commands and flags of the official command line are those of the installed one: by its version, and where that is another, by asking each
 * command for its help (`PAWL_OFFICIAL=record` records the answers).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { preparePython } from "../rig/python.ts";
import { askedCommands, askedVersion, record, recorded } from "./official-commands.ts";

test("what is recorded of the official command line is what it says of itself", { timeout: 600_000 }, async (t) => {
  const python = await preparePython();
  if ("skipped" in python) return t.skip(python.skipped);
  const { temporal } = python.tool;
  const version = await askedVersion(temporal);
  const isRecording = process.env["PAWL_OFFICIAL"] === "record";
  if (version === recorded().version && !isRecording) return;
  const commands = await askedCommands(temporal);
  if (isRecording) record({ version, commands });
  assert.deepEqual(commands, recorded().commands);
});
