/** Protobuf's wire format, written by hand so that it can also be written wrongly. */

export const wireTypes = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;
export type WireType = (typeof wireTypes)[keyof typeof wireTypes];

/** The scalar types of .proto files and how they travel. */
export const scalarWire: Readonly<Record<string, WireType>> = {
  ...{ int32: 0, int64: 0, uint32: 0, uint64: 0, sint32: 0, sint64: 0, bool: 0, enum: 0 },
  ...{ fixed64: 1, sfixed64: 1, double: 1, string: 2, bytes: 2, fixed32: 5, sfixed32: 5, float: 5 },
};

/** The low 64 bits of `value` in two's complement. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

export function field(id: number, wireType: WireType, value: Uint8Array): Buffer {
  const tag = varint((BigInt(id) << 3n) | BigInt(wireType));
  if (wireType !== wireTypes.delimited) return Buffer.concat([tag, value]);
  return Buffer.concat([tag, varint(BigInt(value.length)), value]);
}

export function delimited(id: number, value: Uint8Array): Buffer {
  return field(id, wireTypes.delimited, value);
}

export function float(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

export function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** A whole number as the scalar type `type` holds it. */
export function whole(type: string, value: bigint): Buffer {
  if (type === "double") return double(Number(value));
  if (type === "float") return float(Number(value));
  if (type.startsWith("sint")) return varint(value < 0n ? -value * 2n - 1n : value * 2n);
  const width = type.endsWith("fixed64") ? 8 : type.endsWith("fixed32") ? 4 : undefined;
  if (width === undefined) return varint(value);
  const bytes = Buffer.alloc(width);
  if (width === 8) bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  else bytes.writeUInt32LE(Number(BigInt.asUintN(32, value)));
  return bytes;
}
