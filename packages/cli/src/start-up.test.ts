/** A command line that only asks a server does not load one: that is what a prompt would wait for. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const main = new URL("./main.ts", import.meta.url).href;
const mark = "loaded:";

/** Files that a command line has loaded by the time it ends. */
function loadedBy(...args: readonly string[]): readonly string[] {
  const program = `
    import { registerHooks } from "node:module";
    const urls = [];
    registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
    const { run } = await import(${JSON.stringify(main)});
    await run(${JSON.stringify(args)});
    process.stderr.write("\\n${mark}" + JSON.stringify(urls) + "\\n");`;
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  const line = stderr.split("\n").find((each) => each.startsWith(mark));
  assert(line, stderr);
  return JSON.parse(line.slice(mark.length)) as string[];
}

const heavy = [
  /packages\/server\/src\/(main|frontend|shard|matching|rpc|http)\b/,
  /packages\/(ui|store|engine)\//,
  /sdk\/src\/worker\//,
];

for (const args of [["--help"], ["workflow", "list", "--address", "127.0.0.1:1"]])
  test(`pawl ${args.slice(0, 2).join(" ")} loads no server`, () => {
    const loaded = loadedBy(...args);
    assert.ok(loaded.includes(main));
    assert.deepEqual(
      loaded.filter((url) => heavy.some((each) => each.test(url))),
      [],
    );
  });
