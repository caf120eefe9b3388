/** Messages as JSON, by their descriptors. A door of its own, because the descriptors are large and most have no use for them. */
export { type JsonOptions, messageFromJson } from "./json/message-from-json.ts";
export { messageToJson } from "./json/message-to-json.ts";
export { enumOf, type FieldSchema, type MessageSchema, messageOf, messageSchema } from "./json/schema.ts";
export { isObject, JsonProblem, parseJson } from "./json/text.ts";
