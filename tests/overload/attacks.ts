/** What slow and hostile clients do, one row for each: how a connection begins, and what it says again and again. */
import { methods } from "@pawl/protocol";
import { framed } from "../fuzz/input.ts";
import {
  callHeaders,
  endHeaders,
  endStream,
  frame,
  headerBlock,
  initialWindowSize,
  preface,
  settings,
  uint32,
} from "./frames.ts";

/** A connection of an attacker, which speaks through `say` and numbers its streams. */
export interface Attacker {
  readonly say: (bytes: Uint8Array) => void;
  /** The next of its streams. */
  readonly stream: () => number;
}

export interface Attack {
  readonly name: string;
  readonly about: string;
  /** Whether the server has to get rid of such a connection, and by which of its rules. */
  readonly ends: "at once" | "after a while" | "never";
  readonly begin: (attacker: Attacker) => void;
  /** Repeated `perSecond` times a second, as far as the connection takes it. */
  readonly again?: { readonly perSecond: number; readonly say: (attacker: Attacker) => void };
}

const { path } = methods.GetSystemInfo;
const listPath = methods.ListNamespaces.path;
const block = headerBlock(callHeaders(path));
/** A message of no bytes. */
const emptyMessage = Buffer.alloc(5);

const hello = ({ say }: Attacker, values?: Readonly<Record<number, number>>) => {
  say(preface);
  say(settings(values));
};
const openCall = ({ say, stream }: Attacker, headers = block) => {
  const id = stream();
  say(frame("headers", id, headers, endHeaders));
  return id;
};
const ask = (attacker: Attacker, headers = block) => {
  const id = openCall(attacker, headers);
  attacker.say(frame("data", id, emptyMessage, endStream));
};

/** The namespace of {@link noise}. */
export const noisyNamespace = "noisy";

/** No attack, but more than a tenant should ask for: each connection starts 500 workflows a second. */
export const noise: Attack = {
  name: "noise",
  about: "starts workflows in a namespace of its own",
  ends: "never",
  begin: (attacker) => hello(attacker),
  again: {
    perSecond: 500,
    say: (attacker) => {
      const id = openCall(attacker, headerBlock(callHeaders(methods.StartWorkflowExecution.path)));
      const workflowId = `noise-${process.hrtime.bigint()}-${id}`;
      const named = { namespace: noisyNamespace, workflowId, requestId: workflowId };
      const asked = { ...named, workflowType: { name: "W" }, taskQueue: { name: "nobody" } };
      attacker.say(frame("data", id, framed(methods.StartWorkflowExecution.request.encode(asked as never)), endStream));
    },
  },
};

export const attacks: readonly Attack[] = [
  { name: "silent", about: "connects and says nothing", ends: "after a while", begin: () => {} },
  {
    name: "slow hello",
    about: "says one byte of its greeting a second",
    ends: "after a while",
    begin: () => {},
    again: {
      perSecond: 1,
      say: ({ say, stream }) => {
        const at = (stream() - 1) / 2;
        say(preface.subarray(at, at + 1));
      },
    },
  },
  {
    name: "slow headers",
    about: "begins a call whose headers come a byte at a time",
    ends: "after a while",
    begin: (attacker) => {
      hello(attacker);
      attacker.say(frame("headers", attacker.stream(), block, endHeaders).subarray(0, 20));
    },
    again: { perSecond: 1, say: ({ say }) => say(Buffer.from([0])) },
  },
  {
    name: "slow bodies",
    about: "begins ten calls a second and never says what it wants",
    ends: "after a while",
    begin: (attacker) => hello(attacker),
    again: { perSecond: 10, say: (attacker) => void openCall(attacker) },
  },
  flood("rapid reset", "begins calls and cancels each at once", (attacker) =>
    attacker.say(frame("resetStream", openCall(attacker), uint32(8))),
  ),
  flood("settings flood", "changes its settings again and again, and hears no acknowledgement", ({ say }) =>
    say(settings({ [initialWindowSize]: 65_535 })),
  ),
  flood("ping flood", "pings again and again, and hears no answer", ({ say }) =>
    say(frame("ping", 0, Buffer.alloc(8))),
  ),
  {
    name: "continuation flood",
    about: "headers that go on and on",
    ends: "at once",
    begin: (attacker) => {
      hello(attacker);
      attacker.say(frame("headers", 1, block));
    },
    again: { perSecond: 2_000, say: ({ say }) => say(frame("continuation", 1, headerBlock([["x", "y".repeat(100)]]))) },
  },
  overloaded("huge headers", "calls with headers of 15 KB more than may be", [["x", "y".repeat(15_900)]]),
  overloaded(
    "many headers",
    "calls with a thousand small headers",
    Array.from({ length: 1_000 }, (): [string, string] => ["x", "y"]),
  ),
  {
    name: "unread answers",
    about: "asks a thousand times a second and takes no answer",
    ends: "after a while",
    begin: (attacker) => hello(attacker, { [initialWindowSize]: 0 }),
    again: { perSecond: 1_000, say: (attacker) => ask(attacker, headerBlock(callHeaders(listPath))) },
  },
  {
    name: "broken frames",
    about: "sends data on a stream that was never opened",
    ends: "at once",
    begin: (attacker) => {
      hello(attacker);
      attacker.say(frame("data", 7, emptyMessage));
    },
  },
];

/** Says the same as fast as it can. */
function flood(name: string, about: string, say: (attacker: Attacker) => void): Attack {
  return { name, about, ends: "at once", begin: (attacker) => hello(attacker), again: { perSecond: 20_000, say } };
}

/** Calls that have too many headers, or too long ones, besides their own. */
function overloaded(name: string, about: string, headers: readonly [string, string][]): Attack {
  const block = headerBlock([...callHeaders(path), ...headers]);
  const say = (attacker: Attacker) => void openCall(attacker, block);
  return { name, about, ends: "never", begin: (attacker) => hello(attacker), again: { perSecond: 200, say } };
}
