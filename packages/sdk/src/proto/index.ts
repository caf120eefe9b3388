/** `@pawl/sdk/proto`: messages, enums and methods of the API, for who calls `connection.workflowService` directly. */
export * from "@pawl/protocol";
