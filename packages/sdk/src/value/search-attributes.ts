/** Search attributes: what lists of workflows can be filtered by. Each is a list of values, of a type the namespace has registered. */
import { defaultPayloadConverter, type Payload } from "./payload-converter.ts";

export type SearchAttributeValue = string | number | boolean | Date;
/** An empty list removes the attribute. */
export type SearchAttributes = Record<string, readonly SearchAttributeValue[]>;

export function encodeSearchAttributes(attributes: SearchAttributes): Record<string, Payload> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, values]) => {
      if (!Array.isArray(values)) throw new TypeError(`search attribute ${name} must be an array of values`);
      return [name, defaultPayloadConverter.toPayload(values)];
    }),
  );
}

export function decodeSearchAttributes(fields: Record<string, Payload> | undefined): SearchAttributes {
  const entries = Object.entries(fields ?? {}).map(([name, payload]) => {
    const value = defaultPayloadConverter.fromPayload<SearchAttributeValue | SearchAttributeValue[] | null>(payload);
    const values = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
    return [name, isDatetime(payload) ? values.map((each) => new Date(each as string)) : values] as const;
  });
  return Object.fromEntries(entries.filter(([, values]) => values.length > 0));
}

function isDatetime(payload: Payload): boolean {
  const type = payload.metadata["type"];
  return type !== undefined && new TextDecoder().decode(type) === "Datetime";
}
