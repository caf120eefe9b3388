/** `@pawl/sdk/proto/json`: these messages as JSON. A door of its own, because it loads the descriptors of all of them. */
export * from "@pawl/protocol/json";
