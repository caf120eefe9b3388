/** Protobuf messages as payloads, in binary or as JSON. Users bring their own protobuf library; this file depends only on the two interfaces that it asks of it. */
import { PayloadConverterError, ValueError } from "./errors.ts";
import type { Payload } from "./payload.ts";
import {
  BinaryPayloadConverter,
  CompositePayloadConverter,
  encodingTypes,
  JsonPayloadConverter,
  type PayloadConverterWithEncoding,
  UndefinedPayloadConverter,
} from "./payload-converter.ts";

/** One message type. */
export interface ProtobufType {
  /** With its package, e.g. `shop.v1.Order`. */
  readonly name: string;
  encode(message: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
  toJson(message: unknown): unknown;
  fromJson(json: unknown): unknown;
}

/** What the converters ask of a protobuf library. Write one for a library other than protobufjs. */
export interface ProtobufTypes {
  /** `undefined` for a value that is no message of this library. */
  typeOf(value: unknown): ProtobufType | undefined;
  byName(name: string): ProtobufType | undefined;
}

/** The metadata that names the type of a message. */
export const METADATA_MESSAGE_TYPE_KEY = "messageType";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

abstract class ProtobufPayloadConverter {
  abstract readonly encodingType: string;
  protected readonly types: ProtobufTypes;

  /** `root`: a protobufjs root, with the reflection that `pbjs --target json-module` or a static module with `$type` gives it, or {@link ProtobufTypes}. */
  constructor(root: unknown) {
    this.types = typesOf(root);
  }

  protected payload(type: ProtobufType, data: Uint8Array): Payload {
    return {
      metadata: {
        encoding: encoder.encode(this.encodingType),
        [METADATA_MESSAGE_TYPE_KEY]: encoder.encode(type.name),
      },
      data,
    };
  }

  protected typeNamedBy({ metadata }: Payload): ProtobufType {
    const named = metadata[METADATA_MESSAGE_TYPE_KEY];
    if (!named) throw new ValueError(`a protobuf payload without metadata.${METADATA_MESSAGE_TYPE_KEY}`);
    const name = decoder.decode(named);
    const type = this.types.byName(name);
    if (!type) throw new PayloadConverterError(`the protobuf root of this converter has no message type ${name}`);
    return type;
  }
}

/** Messages as protobuf's own bytes (`binary/protobuf`). */
export class ProtobufBinaryPayloadConverter extends ProtobufPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_PROTOBUF;
  toPayload(value: unknown): Payload | undefined {
    const type = this.types.typeOf(value);
    return type && this.payload(type, type.encode(value));
  }
  fromPayload<T>(payload: Payload): T {
    return this.typeNamedBy(payload).decode(payload.data) as T;
  }
}

/** Messages as protobuf's JSON (`json/protobuf`), which people and tools can read. */
export class ProtobufJsonPayloadConverter extends ProtobufPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_PROTOBUF_JSON;
  toPayload(value: unknown): Payload | undefined {
    const type = this.types.typeOf(value);
    return type && this.payload(type, encoder.encode(JSON.stringify(type.toJson(value))));
  }
  fromPayload<T>(payload: Payload): T {
    return this.typeNamedBy(payload).fromJson(JSON.parse(decoder.decode(payload.data))) as T;
  }
}

/** Where message types are found. */
export interface DefaultPayloadConverterWithProtobufsOptions {
  /** See {@link ProtobufBinaryPayloadConverter}. */
  protobufRoot: unknown;
}

/** As the default one, and messages as JSON; reads binary ones too. */
export class DefaultPayloadConverterWithProtobufs extends CompositePayloadConverter {
  constructor({ protobufRoot }: DefaultPayloadConverterWithProtobufsOptions) {
    super(
      new UndefinedPayloadConverter(),
      new BinaryPayloadConverter(),
      new ProtobufJsonPayloadConverter(protobufRoot),
      new ProtobufBinaryPayloadConverter(protobufRoot),
      new JsonPayloadConverter(),
    );
  }
}

function typesOf(root: unknown): ProtobufTypes {
  const given = root as Partial<ProtobufTypes & ReflectionRoot> | null | undefined;
  if (typeof given?.typeOf === "function" && typeof given.byName === "function") return given as ProtobufTypes;
  if (typeof given?.lookupType === "function") return typesOfReflection(given as ReflectionRoot);
  throw new TypeError("a protobuf payload converter needs a protobufjs root, or an object with typeOf() and byName()");
}

/** As much of protobufjs's reflection as is asked of it. */
interface ReflectionType {
  readonly fullName: string;
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
  toObject(message: unknown, options: object): unknown;
  fromObject(json: unknown): unknown;
}
interface ReflectionRoot {
  lookupType(name: string): ReflectionType;
}

/** Names of enum members, 64-bit numbers as text and bytes in base64, as JSON of protobuf has them. */
const jsonForm = { longs: String, enums: String, bytes: String, json: true };

function typesOfReflection(root: ReflectionRoot): ProtobufTypes {
  const asType = (type: ReflectionType): ProtobufType => ({
    name: type.fullName.replace(/^\./, ""),
    // A copy of its own: the library's may lie in a pool that it would keep alive.
    encode: (message) => new Uint8Array(type.encode(message).finish()),
    decode: (bytes) => type.decode(bytes),
    toJson: (message) => type.toObject(message, jsonForm),
    fromJson: (json) => type.fromObject(json),
  });
  return {
    typeOf: (value) => {
      const type = typeof value === "object" && value !== null ? (value as { $type?: unknown }).$type : undefined;
      return isReflectionType(type) ? asType(type) : undefined;
    },
    byName: (name) => {
      try {
        return asType(root.lookupType(name));
      } catch {
        return undefined;
      }
    },
  };
}

function isReflectionType(type: unknown): type is ReflectionType {
  return typeof type === "object" && type !== null && "fullName" in type && "toObject" in type;
}
