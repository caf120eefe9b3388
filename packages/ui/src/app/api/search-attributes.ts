/** Search attributes of a namespace: those that everybody has, and its own. */
import { ask } from "./ask.ts";

export interface SearchAttributes {
  /** Name to type, such as INDEXED_VALUE_TYPE_KEYWORD. */
  readonly customAttributes?: Readonly<Record<string, string>>;
  readonly systemAttributes?: Readonly<Record<string, string>>;
}

export const attributeTypes = ["Keyword", "KeywordList", "Text", "Int", "Double", "Bool", "Datetime"] as const;

export function listSearchAttributes(namespace: string, signal: AbortSignal) {
  return ask<SearchAttributes>(["namespaces", namespace, "search-attributes"], { signal });
}

export function addSearchAttribute(namespace: string, name: string, type: string) {
  return ask(["namespaces", namespace, "search-attributes"], { body: { searchAttributes: { [name]: type } } });
}

export function removeSearchAttribute(namespace: string, name: string) {
  return ask(["namespaces", namespace, "search-attributes", name], { method: "DELETE" });
}
