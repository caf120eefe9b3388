/** What both ends of an HTTP/2 connection need: frames, the coding of headers, messages of gRPC, and what goes out in one write. */
export { contentOf, type Frame, FrameReader, frameBytesDefault, frameFlags, frameTypes } from "./frame-reader.ts";
export { grpcMessage, grpcPrefix, grpcPrefixBytes, readGrpcPrefix } from "./grpc-message.ts";
export { HeaderDecoder, type Headers, UndecodableHeaders } from "./header-decoder.ts";
export { HeaderEncoder } from "./header-encoder.ts";
export type { Header } from "./header-table.ts";
export { Outbox, type OutboxSocket } from "./outbox.ts";
export { PartialBlock } from "./partial-block.ts";
export {
  http2Codes,
  preface,
  settingIds,
  settingsPayload,
  streamIdMax,
  uint32,
  windowDefault,
  windowMax,
} from "./rules.ts";
