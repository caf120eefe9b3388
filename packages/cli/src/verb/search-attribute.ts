/** `pawl search-attribute …`, which the official command line has under `operator search-attribute`. */
import { enums } from "@pawl/sdk/proto";
import { type Definition, define, underOperator } from "../command/definition.ts";
import { choice, type Flag, list, onOff } from "../command/flag.ts";
import { onePage } from "./pages.ts";
import { confirm } from "./target.ts";
import { enumValue } from "./workflow-start.ts";

const types = ["Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"] as const;

const names: Flag<readonly string[]> = { ...list("name", "the search attribute"), isRequired: true };

const columns = [
  { heading: "Name", path: "name" },
  { heading: "Type", path: "type" },
];

const definitions: readonly Definition[] = [
  define({
    path: "search-attribute list",
    summary: "List search attributes, the system's and your own",
    flags: {},
    async run(session) {
      const answer = await session.call("ListSearchAttributes", { namespace: session.namespace });
      const json = await session.json("ListSearchAttributes", answer);
      if (session.output.format !== "text" && session.flags.fields === undefined) return session.output.json(json);
      const all: Record<string, string> = { ...json.systemAttributes, ...json.customAttributes };
      const items = Object.entries(all).map(([name, type]) => ({
        name,
        type: types.find((each) => enumValue(enums.IndexedValueType, each) === enumOf(type)) ?? type,
      }));
      await session.output.list(columns, onePage(items.toSorted((a, b) => (a.name < b.name ? -1 : 1))));
    },
  }),
  define({
    path: "search-attribute create",
    summary: "Add search attributes to a namespace",
    flags: {
      name: names,
      type: { ...choice(types, "what its values are"), isRequired: true } as Flag<(typeof types)[number]>,
    },
    examples: ["search-attribute create --name Customer --type Keyword"],
    async run(session, flags) {
      const type = enumValue(enums.IndexedValueType, flags.type);
      const searchAttributes = Object.fromEntries(flags.name.map((name) => [name, type]));
      await session.call("AddSearchAttributes", { namespace: session.namespace, searchAttributes });
      session.output.say(`Added ${flags.name.join(", ")}`);
    },
  }),
  define({
    path: "search-attribute remove",
    summary: "Remove search attributes from a namespace",
    flags: { name: names, yes: onOff("do not ask first", { short: "y" }) },
    async run(session, flags) {
      await confirm(flags.yes, `Remove ${flags.name.join(", ")}?`);
      await session.call("RemoveSearchAttributes", { namespace: session.namespace, searchAttributes: flags.name });
      session.output.say(`Removed ${flags.name.join(", ")}`);
    },
  }),
];

function enumOf(name: string): number | undefined {
  return enums.IndexedValueType[name.replace("INDEXED_VALUE_TYPE_", "") as keyof typeof enums.IndexedValueType];
}

export const searchAttributeCommands: readonly Definition[] = [...definitions, ...underOperator(definitions)];
