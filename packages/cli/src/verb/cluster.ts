/** `pawl operator cluster …`: the server's identity and version, and whether it is healthy. */
import { type Definition, define } from "../command/definition.ts";
import { onOff } from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import { pagesOf } from "./pages.ts";

export const clusterCommands: readonly Definition[] = [
  define({
    path: "operator cluster describe",
    summary: "Show what the server is",
    flags: { detail: onOff("with its shards and versions") },
    async run(session, { detail }) {
      const answer = await session.call("GetClusterInfo", {});
      const more = [
        { heading: "ClusterId", path: "clusterId" },
        { heading: "Shards", path: "historyShardCount" },
        { heading: "ServerVersion", path: "serverVersion" },
        { heading: "VisibilityStore", path: "visibilityStore" },
      ];
      session.output.thing(
        [
          { heading: "ClusterName", path: "clusterName" },
          { heading: "Store", path: "persistenceStore" },
          ...(detail ? more : []),
        ],
        await session.json("GetClusterInfo", answer),
      );
    },
  }),
  define({
    path: "operator cluster list",
    summary: "List the clusters that the server knows: itself",
    flags: { ...limitFlags },
    async run(session, limits) {
      const pages = pagesOf(session, limits, {
        method: "ListClusters",
        items: "clusters",
        request: (page) => page,
      });
      const columns = [
        { heading: "Name", path: "clusterName" },
        { heading: "ClusterId", path: "clusterId" },
        { heading: "Address", path: "address" },
        { heading: "Shards", path: "historyShardCount" },
      ];
      await session.output.list(columns, pages);
    },
  }),
  define({
    path: "operator cluster health",
    summary: "Ask the server whether it serves; the exit code is 1 if it does not",
    flags: {},
    async run(session) {
      await session.call("GetSystemInfo", {});
      session.output.thing([{ heading: "Status", path: "status", style: () => "green" }], { status: "SERVING" });
    },
  }),
  define({
    path: "operator cluster system",
    summary: "Show the server's version and what it can do",
    flags: {},
    async run(session) {
      const answer = await session.call("GetSystemInfo", {});
      session.output.thing(
        [
          { heading: "ServerVersion", path: "serverVersion" },
          { heading: "Capabilities", path: "capabilities", kind: "json" },
        ],
        await session.json("GetSystemInfo", answer),
      );
    },
  }),
];
