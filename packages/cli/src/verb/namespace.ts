/** `pawl namespace …`, which the official command line has under `operator namespace` too. */
import { toDuration } from "@pawl/sdk/proto";
import { type Definition, define, underOperator } from "../command/definition.ts";
import { list, onOff, span, text } from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import { Failure } from "../failure.ts";
import type { Column } from "../output/output.ts";
import { pairs } from "../output/pairs.ts";
import type { Session } from "../session.ts";
import { pagesOf } from "./pages.ts";
import { confirm } from "./target.ts";

const columns: readonly Column[] = [
  { heading: "Name", path: "namespaceInfo.name" },
  { heading: "State", path: "namespaceInfo.state", prefix: "NAMESPACE_STATE_" },
  { heading: "Retention", path: "config.workflowExecutionRetentionTtl", kind: "duration" },
  { heading: "Description", path: "namespaceInfo.description" },
];

const details: readonly Column[] = [
  ...columns,
  { heading: "Id", path: "namespaceInfo.id" },
  { heading: "OwnerEmail", path: "namespaceInfo.ownerEmail" },
  { heading: "Data", path: "namespaceInfo.data", kind: "json" },
];

const name = text("name", "the namespace; default: that of --namespace");

function nameOf(session: Session, given: string | undefined): string {
  return given ?? session.namespace;
}

const changes = {
  name,
  description: text("words", "what it is for"),
  email: text("address", "whose it is"),
  retention: span("how long closed workflows are kept; default: 72h"),
  data: list("KEY=VALUE", "kept with it"),
};

const definitions: readonly Definition[] = [
  define({
    path: "namespace list",
    summary: "List namespaces",
    flags: limitFlags,
    async run(session, limits) {
      const pages = pagesOf(session, limits, {
        method: "ListNamespaces",
        items: "namespaces",
        request: (page) => page,
      });
      await session.output.list(columns, pages);
    },
  }),
  define({
    path: "namespace describe",
    summary: "Show a namespace",
    flags: { name, namespaceId: text("id", "its id, in place of its name") },
    argument: "name",
    async run(session, { namespaceId: id, ...flags }) {
      if (id !== undefined && flags.name !== undefined)
        throw new Failure("usage", "--namespace-id and a name exclude each other");
      const answer = await session.call("DescribeNamespace", {
        ...(id === undefined ? { namespace: nameOf(session, flags.name) } : { id }),
      });
      session.output.thing(details, await session.json("DescribeNamespace", answer));
    },
  }),
  define({
    path: "namespace create",
    summary: "Make a namespace",
    flags: changes,
    argument: "name",
    examples: ["namespace create orders --retention 7d"],
    async run(session, flags) {
      const namespace = nameOf(session, flags.name);
      await session.call("RegisterNamespace", {
        ...{ namespace, description: flags.description ?? "", ownerEmail: flags.email ?? "" },
        workflowExecutionRetentionPeriod: toDuration(flags.retention ?? 72 * 3_600_000),
        data: pairs(flags.data, "--data"),
      });
      session.output.say(`Made namespace ${namespace}`);
    },
  }),
  define({
    path: "namespace update",
    summary: "Change a namespace",
    flags: changes,
    argument: "name",
    async run(session, flags) {
      const namespace = nameOf(session, flags.name);
      const { description, email: ownerEmail, retention } = flags;
      const data = pairs(flags.data, "--data");
      if (description === undefined && ownerEmail === undefined && retention === undefined && flags.data.length === 0)
        throw new Failure("usage", "say what to change: --description, --email, --retention or --data");
      const answer = await session.call("UpdateNamespace", {
        namespace,
        updateInfo: { description: description ?? "", ownerEmail: ownerEmail ?? "", data },
        ...(retention !== undefined && { config: { workflowExecutionRetentionTtl: toDuration(retention) } }),
      });
      session.output.json(await session.json("UpdateNamespace", answer));
      session.output.say(`Changed namespace ${namespace}`);
    },
  }),
  define({
    path: "namespace delete",
    summary: "Delete a namespace and all that is in it",
    flags: { name, yes: onOff("do not ask first", { short: "y" }) },
    argument: "name",
    async run(session, flags) {
      const namespace = nameOf(session, flags.name);
      await confirm(flags.yes, `Delete namespace ${namespace} and all that is in it?`);
      const answer = await session.call("DeleteNamespace", { namespace });
      session.output.json(await session.json("DeleteNamespace", answer));
      session.output.say(`Deleted namespace ${namespace}`);
    },
  }),
];

export const namespaceCommands: readonly Definition[] = [...definitions, ...underOperator(definitions)];
