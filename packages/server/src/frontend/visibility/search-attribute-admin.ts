/** Search attributes as operators manage them. An attribute can be used as soon as its registration is answered. */
import { Rejection } from "@pawl/engine";
import { invalid } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { builtInAttributes } from "./search-attribute.ts";

export function searchAttributeHandlers({ namespaces, store, searchAttributes: registry }: Parts) {
  return {
    AddSearchAttributes: async ({ namespace: name, searchAttributes }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      if (Object.keys(searchAttributes).length === 0) return invalid("SearchAttributes are not set on request.");
      return (await registry.add(namespace, searchAttributes)) ?? {};
    },

    RemoveSearchAttributes: async ({ namespace: name, searchAttributes }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      if (searchAttributes.length === 0) return invalid("SearchAttributes are not set on request.");
      return (await registry.remove(namespace, searchAttributes)) ?? {};
    },

    ListSearchAttributes: async ({ namespace: name }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      return {
        customAttributes: Object.fromEntries(registry.of(namespace)),
        systemAttributes: builtInAttributes,
        storageSchema: { store: store.kind },
      };
    },

    GetSearchAttributes: async () => ({ keys: builtInAttributes }),
  } satisfies Handlers;
}
