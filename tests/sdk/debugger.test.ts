/** A debugger stops in workflow code at its own TypeScript line: plain `node --inspect`, and the protocol that every debugger speaks. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { newId, useTarget, workflowsPath } from "./target.ts";
import { startWorkerProcess } from "./worker-process.ts";
import { greeting } from "./workflows.ts";

const target = useTarget();

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** As much of a debugger as this takes. */
class Debugger {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  readonly #events: Message[] = [];
  #heard: () => void = () => undefined;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Message);
  }

  static async connect(url: string): Promise<Debugger> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new Debugger(socket);
  }

  async ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#asked;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#answers.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return await answer.promise;
  }

  /** The next event of this kind for which it holds. */
  async event(method: string, holds: (params: Record<string, unknown>) => boolean = () => true) {
    for (;;) {
      const at = this.#events.findIndex((each) => each.method === method && holds(each.params ?? {}));
      if (at !== -1) return this.#events.splice(at, 1)[0]!.params!;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  close(): void {
    this.#socket.close();
  }

  #take(message: Message): void {
    if (message.id === undefined) {
      this.#events.push(message);
      return this.#heard();
    }
    const answer = this.#answers.get(message.id);
    if (message.error) answer?.reject(new Error(message.error.message));
    else answer?.resolve(message.result ?? {});
  }
}

/** Where a line of a source ended up, as debuggers find it: by the map that the script itself carries. */
function generatedPlace(map: SourceMap, file: string, line: number, script: { readonly lines: number }) {
  for (let lineNumber = 0; lineNumber < script.lines; lineNumber++) {
    const entry = map.findEntry(lineNumber, 200);
    if ("originalSource" in entry && entry.originalSource.endsWith(file) && entry.originalLine === line)
      return lineNumber;
  }
  throw new Error(`line ${line + 1} of ${file} is not in the map`);
}

test("a breakpoint in a workflow is hit at its own line, shows its variables, and may be stood at for long", async () => {
  const worker = await startWorkerProcess(target.server.address, { nodeArgs: ["--inspect=127.0.0.1:0"] });
  assert.ok(worker.inspector);
  const session = await Debugger.connect(worker.inspector);
  await session.ask("Debugger.enable");
  const parsed = await session.event("Debugger.scriptParsed", ({ url }) => url === "workflow-bundle.js");
  const [, base64 = ""] = String(parsed["sourceMapURL"]).split("base64,");
  const map = new SourceMap(JSON.parse(Buffer.from(base64, "base64").toString()) as SourceMapPayload);

  const source = readFileSync(workflowsPath, "utf8").split("\n");
  const line = source.findIndex((text) => text.includes('log.info("greeting"'));
  const lines = Number(parsed["endLine"]) + 1;
  const lineNumber = generatedPlace(map, "tests/sdk/workflows.ts", line, { lines });
  await session.ask("Debugger.setBreakpoint", { location: { scriptId: parsed["scriptId"], lineNumber } });

  const options = { workflowId: newId(), taskQueue: worker.taskQueue, args: ["debugger"] as [string] };
  const handle = await target.client.workflow.start(greeting, options);
  const paused = await session.event("Debugger.paused");
  const [frame] = paused["callFrames"] as {
    readonly callFrameId: string;
    readonly location: { readonly lineNumber: number; readonly columnNumber: number };
  }[];
  const entry = map.findEntry(frame!.location.lineNumber, frame!.location.columnNumber);
  assert.ok("originalSource" in entry);
  assert.deepEqual([entry.originalSource.endsWith("tests/sdk/workflows.ts"), entry.originalLine], [true, line]);
  const asked = { callFrameId: frame!.callFrameId, expression: "name", returnByValue: true };
  const { result } = await session.ask("Debugger.evaluateOnCallFrame", asked);
  assert.equal((result as { value?: unknown }).value, "debugger");
  // Longer than code may run without waiting: whoever stands at a breakpoint is not stuck.
  await delay(2_500);
  await session.ask("Debugger.resume");
  session.close();
  assert.equal(await handle.result(), "Hello, debugger!");
  const { events } = await handle.fetchHistory();
  assert.ok(!events.some(({ workflowTaskFailedEventAttributes: failed }) => failed), "no task failed for it");
  await worker.kill9();
});
