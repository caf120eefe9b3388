/** Calls that are sent on to another node. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../clock.ts";
import type { Call, Handlers } from "../frontend/handler.ts";
import { settle } from "../matching/rig.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { forwarding } from "./forwarding.ts";
import type { ClusterNode } from "./node.ts";
import type { PeerAnswer, PeerCall } from "./peer-call.ts";
import type { Place } from "./placement.ts";

const place: Place = { type: "shard", shardId: 7 };

/** A node that sends everything to another one, which answers when it is told to. */
function sendingOn() {
  const sent: PeerCall[] = [];
  const asked: string[] = [];
  let answer: (answer: PeerAnswer) => void = () => {};
  const node = {
    id: "here",
    isHere: () => false,
    route: (_: Place, { there }: { there: (nodeId: string) => Promise<unknown> }) => there("there"),
    call: (_: string, call: PeerCall) => {
      sent.push(call);
      return new Promise<PeerAnswer>((resolve) => {
        answer = resolve;
      });
    },
    ask: async (_: string, method: string) => void asked.push(method),
  };
  const handlers = forwarding(
    { QueryWorkflow: () => assert.fail("done here") } satisfies Handlers,
    new Map([["QueryWorkflow", () => place]]),
    {
      ...{ node: node as unknown as ClusterNode, clock: new ManualClock(), telemetry: {} as Telemetry },
      ...{ tokens: { open: assert.fail }, lender: { noteSticky: assert.fail } },
    },
  );
  return { handlers, sent, asked, answer: (given: PeerAnswer) => answer(given) };
}

class CallFromOutside implements Call {
  readonly deadlineMs = undefined;
  readonly clientName = "test";
  readonly clientVersion = "1";
  readonly supportedFeatures = [];
  readonly #end = new AbortController();
  #cause: ReturnType<Call["ended"]> = "no";

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  ended() {
    return this.#cause;
  }

  end(cause: "cancelled" | "stopping"): void {
    this.#cause = cause;
    this.#end.abort(cause);
  }
}

test("the other node is told when the caller goes, for as long as it has not answered", async () => {
  const { handlers, sent, answer } = sendingOn();
  const call = new CallFromOutside();
  const answered = handlers.QueryWorkflow!({} as never, call);
  await settle();
  assert.equal(sent[0]!.signal?.aborted, false);
  call.end("cancelled");
  assert.equal(sent[0]!.signal?.aborted, true);
  answer({ code: "CANCELLED", message: "gone" });
  await answered;
});

test("when this node stops, the other one is asked to end what waits, and its answer is waited for", async () => {
  const { handlers, sent, asked, answer } = sendingOn();
  const call = new CallFromOutside();
  const answered = handlers.QueryWorkflow!({} as never, call);
  await settle();
  call.end("stopping");
  assert.equal(sent[0]!.signal?.aborted, false);
  assert.deepEqual(asked, ["EndPolls"]);
  answer(new Uint8Array());
  assert.ok(await answered);
});
