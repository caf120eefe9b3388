/** In a process of its own, as a worker's is, with hooks of `async_hooks` that follow every promise, as some monitoring agents have them, and without. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";

const watchdog = JSON.stringify(new URL("./watchdog.ts", import.meta.url).href);

const hooks = "createHook({ init() {}, before() {}, after() {}, destroy() {}, promiseResolve() {} }).enable();";
const processes = {
  "a plain process": "",
  "a process whose promises are followed": hooks,
  "a process that follows what is at work alone": "createHook({ before() {} }).enable();",
} as const;

/** What the program prints, as JSON. */
async function resultOf(program: string, before = ""): Promise<unknown> {
  const imports = `import vm from "node:vm"; import { createHook } from "node:async_hooks"; import { watched, WorkflowCodeStuck } from ${watchdog};`;
  const text = `${imports}\n${before}\n${program}`;
  const args = ["--input-type=module-typescript", "-e", text];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => printed.push(String(chunk)));
  const [code] = await once(child, "close");
  assert.equal(code, 0, printed.join(""));
  return JSON.parse(printed.join("")) as unknown;
}

for (const [name, before] of Object.entries(processes)) whatIsWatched(name, (program) => resultOf(program, before));

test("what Node needs to clear up after an ended turn reaches whoever catches everything, and his callback stays", async () => {
  const result = await resultOf(
    `
    const caught: string[] = [];
    process.setUncaughtExceptionCaptureCallback((error) => caught.push(error.name));
    const loop = () => vm.runInContext("(async () => { await 0; for (;;); })()", vm.createContext({}, { microtaskMode: "afterEvaluate" }));
    const names: string[] = [];
    for (let turn = 0; turn < 2; turn++) names.push(await watched(60, loop).catch((error) => error.name));
    console.log(JSON.stringify({ caught, names }));
    `,
    hooks,
  );
  const both = ["DeadlockError", "DeadlockError"];
  assert.deepEqual(result, { caught: both, names: both });
});

function whatIsWatched(name: string, resultOf: (program: string) => Promise<unknown>) {
  describe(`what is watched in ${name}`, () => {
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
}
