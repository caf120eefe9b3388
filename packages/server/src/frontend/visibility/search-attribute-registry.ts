/**
 * The search attributes that each namespace has registered: as many of each type as its users like.
 */
import { Rejection } from "@pawl/engine";
import { enums } from "@pawl/protocol";
import type { Store } from "@pawl/store";
import { limits } from "../../limits.ts";
import { idProblem, invalid } from "../field-rules.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import { StoredMap } from "../stored-map.ts";
import { freeField, typeOfField } from "./attribute-field.ts";
import { type AttributeType, type CustomAttributes, isBuiltIn, typeName } from "./search-attribute.ts";

interface Registered {
  /** By name. */
  readonly types: ReadonlyMap<string, AttributeType>;
  /** Names by field. */
  readonly aliases: ReadonlyMap<string, string>;
}

const none: Registered = { types: new Map(), aliases: new Map() };

const json = {
  encode: ({ types, aliases }: Registered) => {
    const fields = new Map([...aliases].map(([field, name]) => [name, field]));
    return new TextEncoder().encode(JSON.stringify([...types].map(([name, type]) => [name, type, fields.get(name)])));
  },
  /** Of an attribute that was registered before there were fields, the field follows from the order. */
  decode: (bytes: Uint8Array): Registered => {
    const rows = JSON.parse(new TextDecoder().decode(bytes)) as [string, AttributeType, string?][];
    const aliases = new Map(rows.flatMap(([name, , field]) => (field === undefined ? [] : [[field, name]])));
    for (const [name, type, field] of rows)
      if (field === undefined)
        aliases.set(
          freeField(type, (one) => aliases.has(one)),
          name,
        );
    return { types: new Map(rows.map(([name, type]) => [name, type])), aliases };
  },
};

export class SearchAttributeRegistry implements CustomAttributes {
  /** By namespace id. */
  readonly #registered: StoredMap<Registered>;

  private constructor(registered: StoredMap<Registered>) {
    this.#registered = registered;
  }

  static async load(store: Store): Promise<SearchAttributeRegistry> {
    return new SearchAttributeRegistry(await StoredMap.load(store, "search-attributes", json));
  }

  /** Reads what other nodes have changed. */
  async refresh(): Promise<void> {
    await this.#registered.refresh();
  }

  typeOf(namespace: Namespace, name: string): AttributeType | undefined {
    return this.of(namespace).get(name);
  }

  /** Types by name. */
  of({ id }: Namespace): ReadonlyMap<string, AttributeType> {
    return (this.#registered.get(id) ?? none).types;
  }

  /** Names by field. */
  aliasesOf({ id }: Namespace): ReadonlyMap<string, string> {
    return (this.#registered.get(id) ?? none).aliases;
  }

  /**
   * Gives fields their aliases, which registers attributes of the fields' types; "" takes the attribute of the field back. All of them or none. An alias that
   * another field has already stays where it is.
   */
  alias(namespace: Namespace, wanted: Readonly<Record<string, string>>): Promise<Rejection | undefined> {
    return this.#change(namespace, (before) => {
      const types = new Map(before.types);
      const aliases = new Map(before.aliases);
      for (const [field, name] of Object.entries(wanted)) {
        const problem = realias({ types, aliases }, field, name);
        if (problem) return problem;
      }
      return tooMany(types.size) ?? { types, aliases };
    });
  }

  /** Registers all of them or none. One that is there with the same type is no news; with another type it is refused. */
  add(namespace: Namespace, added: Readonly<Record<string, AttributeType>>): Promise<Rejection | undefined> {
    return this.#change(namespace, (before) => {
      const types = new Map(before.types);
      const aliases = new Map(before.aliases);
      for (const [name, type] of Object.entries(added)) {
        const problem = addProblem(name, type) ?? clash(name, type, before.types.get(name));
        if (problem) return problem;
        if (types.has(name)) continue;
        types.set(name, type);
        aliases.set(
          freeField(type, (field) => aliases.has(field)),
          name,
        );
      }
      return tooMany(types.size) ?? { types, aliases };
    });
  }

  remove(namespace: Namespace, names: readonly string[]): Promise<Rejection | undefined> {
    return this.#change(namespace, (before) => {
      const types = new Map(before.types);
      for (const name of names) {
        if (isBuiltIn(name)) return invalid(`Unable to remove non-custom search attributes: ${name}.`);
        // One that is not there is what was asked for, as with the reference server.
        types.delete(name);
      }
      return { types, aliases: new Map([...before.aliases].filter(([, name]) => types.has(name))) };
    });
  }

  /** Takes back all that was registered in a namespace that has gone. */
  async forget(namespaceId: string): Promise<void> {
    if (this.#registered.get(namespaceId)) await this.#registered.change(namespaceId, () => undefined);
  }

  async #change(
    { id }: Namespace,
    decide: (before: Registered) => Registered | Rejection,
  ): Promise<Rejection | undefined> {
    const after = await this.#registered.change(id, (before = none) => decide(before));
    return after instanceof Rejection ? after : undefined;
  }
}

const knownTypes: readonly number[] = Object.values(enums.IndexedValueType).filter(
  (type) => type !== enums.IndexedValueType.UNSPECIFIED,
);

/** Gives the field its alias in maps that are being changed, or says why not. */
function realias(
  { types, aliases }: { types: Map<string, AttributeType>; aliases: Map<string, string> },
  field: string,
  name: string,
): Rejection | undefined {
  const type = typeOfField(field);
  if (type === undefined) return invalid(`Custom search attribute field ${field} is none: they are called Keyword01.`);
  const known = aliases.get(field);
  if (name === "") {
    aliases.delete(field);
    if (known !== undefined) types.delete(known);
    return undefined;
  }
  if (known === name || (known === undefined && types.get(name) === type)) return undefined;
  if (known !== undefined) return invalid("Custom search attribute field name already allocated.");
  const problem = addProblem(name, type) ?? clash(name, type, types.get(name));
  if (problem) return problem;
  types.set(name, type);
  aliases.set(field, name);
  return undefined;
}

function tooMany(count: number): Rejection | undefined {
  if (count <= limits.searchAttributesMax) return undefined;
  return invalid(`number of search attributes ${count} exceeds limit ${limits.searchAttributesMax}`);
}

function addProblem(name: string, type: AttributeType): Rejection | undefined {
  if (isBuiltIn(name)) return invalid(`Search attribute ${name} is reserved by system.`);
  if (!knownTypes.includes(type)) return invalid(`Unknown search attribute type: ${type}.`);
  return idProblem("Search attribute name", name);
}

function clash(name: string, type: AttributeType, before: AttributeType | undefined): Rejection | undefined {
  if (before === undefined || before === type) return undefined;
  return new Rejection("ALREADY_EXISTS", `Search attribute ${name} already exists with type ${typeName(before)}.`);
}
