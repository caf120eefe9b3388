/** Nexus endpoints as operators manage them, and the callbacks that a start may carry. */
import type { Init, nexus } from "@pawl/protocol";
import { complete } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const unknownId = "00000000-0000-4000-8000-000000000000";
const target = { worker: { namespace: "default", taskQueue: "q" } };
const external = (url: string) => ({ external: { url } });

function specStory(name: string, sentence: string, specs: readonly Init<nexus.EndpointSpec>[]): Story {
  return story(`endpoint-${name}`, sentence, async (s) => {
    for (const spec of specs) await s.attempt("CreateNexusEndpoint", { spec });
  });
}

const url = "temporal://system";

function startWith(s: Play, completionCallbacks: NonNullable<ReturnType<Play["startRequest"]>["completionCallbacks"]>) {
  return s.attempt("StartWorkflowExecution", s.startRequest({ completionCallbacks }));
}

export const nexusEndpointStories: readonly Story[] = [
  story("endpoint-life", "an endpoint is made, found, changed and deleted", async (s) => {
    const description = { metadata: { encoding: Buffer.from("json/plain") }, data: Buffer.from('"text"') };
    const made = await s.call("CreateNexusEndpoint", { spec: { name: s.name, target, description } });
    await s.attempt("CreateNexusEndpoint", { spec: { name: s.name, target } });
    const id = made.endpoint?.id ?? "";
    await s.call("GetNexusEndpoint", { id });
    await s.call("ListNexusEndpoints", { name: s.name });
    await s.call("ListNexusEndpoints", { name: "endpoint" });
    const spec = { name: s.name, target: external("https://example.com/x") };
    await s.attempt("UpdateNexusEndpoint", { id, version: 7, spec });
    await s.call("UpdateNexusEndpoint", { id, version: 1, spec });
    await s.call("DeleteNexusEndpoint", { id, version: 2 });
    await s.attempt("GetNexusEndpoint", { id });
    await s.attempt("UpdateNexusEndpoint", { id, version: 2, spec });
    await s.attempt("DeleteNexusEndpoint", { id, version: 2 });
  }),

  story("endpoint-ids", "ids that are none", async (s) => {
    for (const id of ["", "x", "x".repeat(36), unknownId]) {
      await s.attempt("GetNexusEndpoint", { id });
      await s.attempt("DeleteNexusEndpoint", { id, version: 1 });
      await s.attempt("UpdateNexusEndpoint", { id, version: 1, spec: { name: s.name, target } });
    }
    await s.attempt("DeleteNexusEndpoint", { id: unknownId });
    await s.attempt("DeleteNexusEndpoint", {});
    await s.attempt("ListNexusEndpoints", { pageSize: -1 });
    await s.attempt("ListNexusEndpoints", { pageSize: 1_001 });
  }),

  specStory("names", "names that are none", [
    {},
    { name: "a" },
    { name: "a", target: {} },
    { name: "1a", target },
    { name: "a-", target },
    { name: "a_b", target },
    { name: "a".repeat(201), target },
    { name: `${"a".repeat(201)}_`, target: { worker: {} } },
  ]),

  specStory("targets", "targets that are none", [
    { name: "ab", target: { worker: {} } },
    { name: "ab", target: { worker: { namespace: "nowhere", taskQueue: "q" } } },
    { name: "ab", target: { worker: { namespace: "default", taskQueue: "q".repeat(1_001) } } },
    { name: "ab", target: { worker: { namespace: "default", taskQueue: "/_sys/q" } } },
    { name: "ab", target: { external: {} } },
    { name: "ab", target: external("ftp://x") },
    { name: "ab", target: external("x") },
    { name: "ab", target: external("-http://x") },
    { name: "ab", target: external(`http://x/${"a".repeat(4_096)}`) },
    { name: "ab", target, description: { data: Buffer.alloc(20_001) } },
  ]),

  story("callback-urls", "addresses that cannot be called back", async (s) => {
    for (const each of ["x", "http://", "http://x", "temporal://system/", "temporal://other", "ftp://x"])
      await startWith(s, [{ nexus: { url: each } }]);
    await startWith(s, [{ nexus: { url: `https://${"a".repeat(1_000)}` } }]);
    await startWith(s, [{ nexus: { url, header: { a: "b".repeat(8_192) } } }]);
    await startWith(s, [{ nexus: { url }, links: [{}] }]);
  }),

  story("callback-tokens", "a callback with a token that is none tells nobody", async (s) => {
    await s.start({
      completionCallbacks: [{ nexus: { url, header: { "Temporal-Callback-Token": "x", Other: "Y" } } }],
    });
    await s.describe();
    await s.step([complete()]);
    await s.closed();
  }),
];
