/** A message as gRPC puts it into HTTP/2: behind a prefix of five bytes that says whether it is compressed, and how long it is. */

export const grpcPrefixBytes = 5;

/** What stands before a message of so many bytes that is not compressed. */
export function grpcPrefix(length: number): Buffer {
  const prefix = Buffer.allocUnsafe(grpcPrefixBytes);
  writePrefix(prefix, length);
  return prefix;
}

/** The message behind its prefix, copied. */
export function grpcMessage(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(grpcPrefixBytes + message.length);
  writePrefix(bytes, message.length);
  bytes.set(message, grpcPrefixBytes);
  return bytes;
}

/** What a prefix says. `flag` is 0 or 1 (compressed); peers have sent others. Throws for fewer bytes than a prefix has. */
export function readGrpcPrefix(bytes: Buffer): { readonly flag: number; readonly length: number } {
  return { flag: bytes.readUInt8(0), length: bytes.readUInt32BE(1) };
}

function writePrefix(bytes: Buffer, length: number): void {
  bytes[0] = 0;
  bytes.writeUInt32BE(length, 1);
}
