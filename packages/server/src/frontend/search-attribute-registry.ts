/**
 * The search attributes that each namespace has registered: as many of each type as its users like. In memory, because every start and every list
 * looks them up; the store is the truth, and a change is there before anyone sees it here.
 */
import { Rejection } from "@pawl/engine";
import { enums } from "@pawl/protocol";
import type { Store } from "@pawl/store";
import { limits } from "../limits.ts";
import { idProblem, invalid } from "./field-rules.ts";
import type { Namespace } from "./namespace-registry.ts";
import { type AttributeType, type CustomAttributes, isBuiltIn, typeName } from "./search-attribute.ts";

const settingOf = (namespaceId: string) => `search-attributes/${namespaceId}`;

export class SearchAttributeRegistry implements CustomAttributes {
  readonly #store: Store;
  /** By namespace id, then name. A namespace that is not here has not been read yet. */
  readonly #known = new Map<string, ReadonlyMap<string, AttributeType>>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  static async load(store: Store, namespaces: readonly Namespace[]): Promise<SearchAttributeRegistry> {
    const registry = new SearchAttributeRegistry(store);
    for (const { id } of namespaces) await registry.#read(id);
    return registry;
  }

  typeOf({ id }: Namespace, name: string): AttributeType | undefined {
    return this.#known.get(id)?.get(name);
  }

  of({ id }: Namespace): ReadonlyMap<string, AttributeType> {
    return this.#known.get(id) ?? new Map();
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

  /** One change at a time, each on what the one before it left. */
  #change(
    { id }: Namespace,
    decide: (before: ReadonlyMap<string, AttributeType>) => ReadonlyMap<string, AttributeType> | Rejection,
  ): Promise<Rejection | undefined> {
    const change = this.#lastChange.then(async () => {
      const after = decide(await this.#read(id));
      if (after instanceof Rejection) return after;
      const bytes = new TextEncoder().encode(JSON.stringify([...after]));
      await this.#store.commit(null, [{ table: "setting", name: settingOf(id), bytes }]);
      this.#known.set(id, after);
      return undefined;
    });
    this.#lastChange = change.catch(() => {});
    return change;
  }

  async #read(namespaceId: string): Promise<ReadonlyMap<string, AttributeType>> {
    const bytes = await this.#store.setting(settingOf(namespaceId));
    const known = new Map<string, AttributeType>(bytes ? JSON.parse(new TextDecoder().decode(bytes)) : []);
    this.#known.set(namespaceId, known);
    return known;
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
