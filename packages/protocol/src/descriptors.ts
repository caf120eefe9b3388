/** The API as file descriptors, for gRPC reflection. A door of its own, because it is large and most have no use for it. */
export { type FileDescriptor, fileDescriptors } from "./gen/descriptors.js";
