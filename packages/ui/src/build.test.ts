import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "./build.ts";

const compressedBytesMax = 1_500_000;

test("all that a browser loads is small, and the document names nothing from elsewhere", {
  timeout: 60_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pawl-ui-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const outFolder = join(folder, "dist");
  await build(outFolder);
  const files = readdirSync(outFolder, { recursive: true, encoding: "utf8" })
    .map((name) => join(outFolder, name))
    .filter((path) => statSync(path).isFile());
  const bytes = files.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
  t.diagnostic(`${files.length} files, ${bytes} bytes compressed`);
  assert.ok(bytes < compressedBytesMax, `${bytes} bytes`);
  assert.doesNotMatch(readFileSync(join(outFolder, "index.html"), "utf8"), /https?:|<style|<script(?![^>]* src=)/);
});
