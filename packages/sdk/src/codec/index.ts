/** `@pawl/sdk/codec`: payload codecs over whole messages of `@pawl/sdk/proto`, for who calls the API directly. */
export { MessageCodec } from "./message-codec.ts";
