/** HTTP/2 by the byte, for clients that no library would be: frames, and header blocks in their simplest form. */

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const frameTypes = {
  ...{ data: 0, headers: 1, resetStream: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9 },
} as const;
export const endStream = 0x1;
export const endHeaders = 0x4;
export const initialWindowSize = 0x4;

export function frame(
  type: keyof typeof frameTypes,
  streamId: number,
  payload: Uint8Array = new Uint8Array(),
  flags = 0,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(frameTypes[type], 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export function settings(values: Readonly<Record<number, number>> = {}): Buffer {
  const payload = Object.entries(values).map(([id, value]) => {
    const setting = Buffer.alloc(6);
    setting.writeUInt16BE(Number(id), 0);
    setting.writeUInt32BE(value, 2);
    return setting;
  });
  return frame("settings", 0, Buffer.concat(payload));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A header block of literals that enter no table. */
export function headerBlock(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([0]), ...text(name), ...text(value)]));
}

function text(value: string): Buffer[] {
  const bytes = Buffer.from(value);
  return [lengthOf(bytes.byteLength), bytes];
}

/** An integer with a prefix of seven bits. */
function lengthOf(length: number): Buffer {
  if (length < 127) return Buffer.from([length]);
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** What every call begins with. */
export function callHeaders(path: string): [string, string][] {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "127.0.0.1"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ];
}
