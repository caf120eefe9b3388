/** `pawl operator nexus endpoint …`. */
import type { nexus } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { onOff, required, text, type Values } from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import { Failure } from "../failure.ts";
import type { Column } from "../output/output.ts";
import { bytesOfFile, jsonPayload } from "../payload.ts";
import type { Session } from "../session.ts";
import { pagesOf } from "./pages.ts";

const columns: readonly Column[] = [
  { heading: "Name", path: "spec.name" },
  { heading: "Namespace", path: "spec.target.worker.namespace" },
  { heading: "TaskQueue", path: "spec.target.worker.taskQueue" },
  { heading: "Url", path: "spec.target.external.url" },
  { heading: "Id", path: "id" },
];

const name = required("name", "the endpoint");
const changes = {
  name,
  description: text("words", "what it is for"),
  descriptionFile: text("file", "the same from a file"),
  targetNamespace: text("name", "where the workers are that answer"),
  targetTaskQueue: text("name", "the task queue that they poll"),
  targetUrl: text("url", "in place of workers: an address elsewhere"),
};

async function found(session: Session, wanted: string): Promise<nexus.Endpoint> {
  const { endpoints } = await session.call("ListNexusEndpoints", { name: wanted });
  const [endpoint] = endpoints;
  if (endpoint) return endpoint;
  throw new Failure(
    "environment",
    `there is no Nexus endpoint ${wanted}; "pawl operator nexus endpoint list" shows all`,
  );
}

function target(flags: Values<typeof changes>) {
  const { targetNamespace: namespace, targetTaskQueue: taskQueue, targetUrl: url } = flags;
  if (url !== undefined && (namespace !== undefined || taskQueue !== undefined))
    throw new Failure("usage", "--target-url excludes --target-namespace and --target-task-queue");
  if ((namespace === undefined) !== (taskQueue === undefined))
    throw new Failure("usage", "--target-namespace and --target-task-queue go together");
  if (url !== undefined) return { external: { url } };
  return namespace === undefined || taskQueue === undefined ? undefined : { worker: { namespace, taskQueue } };
}

function description({ description: words, descriptionFile: file }: Values<typeof changes>) {
  if (words !== undefined && file !== undefined)
    throw new Failure("usage", "--description and --description-file exclude each other");
  const given = file === undefined ? words : new TextDecoder().decode(bytesOfFile(file));
  return given === undefined ? undefined : jsonPayload(new TextEncoder().encode(JSON.stringify(given)));
}

export const nexusEndpointCommands: readonly Definition[] = [
  define({
    path: "operator nexus endpoint list",
    summary: "List Nexus endpoints",
    flags: limitFlags,
    async run(session, limits) {
      const pages = pagesOf(session, limits, {
        method: "ListNexusEndpoints",
        items: "endpoints",
        request: (page) => page,
      });
      await session.output.list(columns, pages);
    },
  }),
  define({
    path: "operator nexus endpoint get",
    summary: "Show a Nexus endpoint",
    flags: { name },
    argument: "name",
    async run(session, flags) {
      const { id } = await found(session, flags.name);
      const answer = await session.call("GetNexusEndpoint", { id });
      session.output.thing(columns, (await session.json("GetNexusEndpoint", answer)).endpoint);
    },
  }),
  define({
    path: "operator nexus endpoint create",
    summary: "Make a Nexus endpoint",
    flags: changes,
    examples: ["operator nexus endpoint create --name billing --target-namespace billing --target-task-queue bills"],
    async run(session, flags) {
      const chosen = target(flags);
      if (chosen === undefined)
        throw new Failure("usage", "say where it leads: --target-namespace and --target-task-queue, or --target-url");
      const spec = { name: flags.name, description: description(flags), target: chosen };
      const answer = await session.call("CreateNexusEndpoint", { spec });
      session.output.thing(columns, (await session.json("CreateNexusEndpoint", answer)).endpoint);
    },
  }),
  define({
    path: "operator nexus endpoint update",
    summary: "Change a Nexus endpoint",
    flags: { ...changes, unsetDescription: onOff("remove the description") },
    async run(session, flags) {
      const { id, version, spec } = await found(session, flags.name);
      const changed = {
        ...spec,
        target: target(flags) ?? spec?.target,
        description: flags.unsetDescription ? undefined : (description(flags) ?? spec?.description),
      };
      const answer = await session.call("UpdateNexusEndpoint", { id, version, spec: changed });
      session.output.thing(columns, (await session.json("UpdateNexusEndpoint", answer)).endpoint);
    },
  }),
  define({
    path: "operator nexus endpoint delete",
    summary: "Delete a Nexus endpoint",
    flags: { name },
    argument: "name",
    async run(session, flags) {
      const { id, version } = await found(session, flags.name);
      await session.call("DeleteNexusEndpoint", { id, version });
      session.output.say(`Deleted Nexus endpoint ${flags.name}`);
    },
  }),
];
