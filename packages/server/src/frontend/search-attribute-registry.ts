/**
 * The search attributes that each namespace has registered: as many of each type as its users like.
 */
import { Rejection } from "@pawl/engine";
import { enums } from "@pawl/protocol";
import type { Store } from "@pawl/store";
import { limits } from "../limits.ts";
import { idProblem, invalid } from "./field-rules.ts";
import type { Namespace } from "./namespace-registry.ts";
import { type AttributeType, type CustomAttributes, isBuiltIn, typeName } from "./search-attribute.ts";
import { StoredMap } from "./stored-map.ts";

type Registered = ReadonlyMap<string, AttributeType>;

const none: Registered = new Map();

const json = {
  encode: (registered: Registered) => new TextEncoder().encode(JSON.stringify([...registered])),
  decode: (bytes: Uint8Array): Registered => new Map(JSON.parse(new TextDecoder().decode(bytes))),
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

  of({ id }: Namespace): Registered {
    return this.#registered.get(id) ?? none;
  }

  /** Registers all of them or none. One that is there with the same type is no news; with another type it is refused. */
  add(namespace: Namespace, added: Readonly<Record<string, AttributeType>>): Promise<Rejection | undefined> {
    return this.#change(namespace, (before) => {
      const after = new Map(before);
      for (const [name, type] of Object.entries(added)) {
        const problem = addProblem(name, type) ?? clash(name, type, before.get(name));
        if (problem) return problem;
        after.set(name, type);
      }
      if (after.size > limits.searchAttributesMax)
        return invalid(`number of search attributes ${after.size} exceeds limit ${limits.searchAttributesMax}`);
      return after;
    });
  }

  remove(namespace: Namespace, names: readonly string[]): Promise<Rejection | undefined> {
    return this.#change(namespace, (before) => {
      const after = new Map(before);
      for (const name of names) {
        if (isBuiltIn(name)) return invalid(`Unable to remove non-custom search attributes: ${name}.`);
        if (!after.delete(name)) return new Rejection("NOT_FOUND", `Search attribute ${name} doesn't exist.`);
      }
      return after;
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

const types: readonly number[] = Object.values(enums.IndexedValueType).filter(
  (type) => type !== enums.IndexedValueType.UNSPECIFIED,
);

function addProblem(name: string, type: AttributeType): Rejection | undefined {
  if (isBuiltIn(name)) return invalid(`Search attribute ${name} is reserved by system.`);
  if (!types.includes(type)) return invalid(`Unknown search attribute type: ${type}.`);
  return idProblem("Search attribute name", name);
}

function clash(name: string, type: AttributeType, before: AttributeType | undefined): Rejection | undefined {
  if (before === undefined || before === type) return undefined;
  return new Rejection("ALREADY_EXISTS", `Search attribute ${name} already exists with type ${typeName(before)}.`);
}
