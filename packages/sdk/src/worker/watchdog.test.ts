/**
 * In a process of its own, as a worker's is: the test runner follows every promise by `async_hooks`, and Node ends a process whose promise was ended
 * from outside while it is so followed.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";

const watchdog = JSON.stringify(new URL("./watchdog.ts", import.meta.url).href);

/** What the program prints, as JSON. */
async function resultOf(program: string): Promise<unknown> {
  const text = `import vm from "node:vm"; import { watched, WorkflowCodeStuck } from ${watchdog};\n${program}`;
  const args = ["--input-type=module-typescript", "-e", text];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => printed.push(String(chunk)));
  const [code] = await once(child, "close");
  assert.equal(code, 0, printed.join(""));
  return JSON.parse(printed.join("")) as unknown;
}

describe("what is watched", () => {
  test("gives what it gives and throws what it throws, one after the other", async () => {
    const result = await resultOf(`
      const order: number[] = [];
      const lengths = await Promise.all([1, 2, 3].map((number) => watched(5000, () => order.push(number))));
      const thrown = await watched(5000, () => { throw new RangeError("its own"); }).catch((error) => error.message);
      console.log(JSON.stringify([order, lengths, thrown]));
    `);
    assert.deepEqual(result, [[1, 2, 3], [1, 2, 3], "its own"]);
  });

  test("is ended when it does not let go, whatever it catches, and nothing else is", async () => {
    const result = await resultOf(`
      const context = vm.createContext({}, { microtaskMode: "afterEvaluate" });
      const loops = [
        "for (;;);",
        "for (;;) { try { for (;;); } finally { continue; } }",
        "Promise.resolve().then(() => { for (;;); })",
        "const again = () => Promise.resolve().then(again); again()",
      ];
      let others = 0;
      const elsewhere = (async () => {
        for (let turn = 0; turn < 20; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          others++;
        }
      })();
      const results: unknown[] = [];
      for (const loop of loops) {
        const stuck = watched(60, () => vm.runInContext(loop, context));
        // What waits for its turn meanwhile gets it.
        const next = watched(5000, () => vm.runInContext("1 + 1", context));
        const error = await stuck.catch((thrown) => thrown);
        results.push([error instanceof WorkflowCodeStuck, /TMPRL1101.* 60 ms .*potential deadlock/.test(error.message), await next]);
      }
      await elsewhere;
      console.log(JSON.stringify({ results, others }));
    `);
    const each = [true, true, 2];
    assert.deepEqual(result, { results: [each, each, each, each], others: 20 });
  });

  test("may take the whole of its time, and what comes behind it never suffers", async () => {
    // Every turn ends about when its time is over: it is either ended or left alone.
    const result = await resultOf(`
      let odd = 0;
      for (let turn = 0; turn < 30; turn++) {
        const untilMs = performance.now() + 20;
        const spin = () => { while (performance.now() < untilMs); return turn; };
        const [own, behind] = await Promise.allSettled([watched(20, spin), watched(5000, () => "behind")]);
        if (behind.status !== "fulfilled") odd++;
        if (own.status === "rejected" ? !(own.reason instanceof WorkflowCodeStuck) : own.value !== turn) odd++;
      }
      console.log(JSON.stringify(odd));
    `);
    assert.equal(result, 0);
  });
});
