/** Payloads by name: memos and search attributes. One that is null stands for "not set", and is neither kept nor shown. */
import type { common } from "@pawl/protocol";

type Fields = Readonly<Record<string, common.Payload>>;

/** A null payload takes the name away. */
export function mergedFields(fields: Fields, upserted: Fields): Record<string, common.Payload> {
  const result = { ...fields };
  for (const [name, payload] of Object.entries(upserted)) {
    if (isNull(payload)) delete result[name];
    else result[name] = payload;
  }
  return result;
}

/** A memo that a run begins with; undefined when nothing is in it. */
export function memoToSet(memo: common.Memo | undefined): common.Memo | undefined {
  const fields = mergedFields({}, memo?.fields ?? {});
  return Object.keys(fields).length > 0 ? { fields } : undefined;
}

/** Search attributes that a run begins with; undefined when there are none. */
export function searchAttributesToSet(given: common.SearchAttributes | undefined): common.SearchAttributes | undefined {
  const indexedFields = mergedFields({}, given?.indexedFields ?? {});
  return Object.keys(indexedFields).length > 0 ? { indexedFields } : undefined;
}

/** How SDKs write "no value": an explicit null, or an empty list. */
function isNull({ metadata, data }: common.Payload): boolean {
  const encoding = metadata["encoding"] && new TextDecoder().decode(metadata["encoding"]);
  if (encoding === "binary/null") return true;
  const text = data.length <= 4 ? new TextDecoder().decode(data) : "";
  return encoding === "json/plain" && (text === "null" || text === "[]");
}
