/** The default forms, and points as points. */
import {
  BinaryPayloadConverter,
  CompositePayloadConverter,
  DefaultFailureConverter,
  JsonPayloadConverter,
  type Payload,
  type PayloadConverterWithEncoding,
  UndefinedPayloadConverter,
} from "@pawl/sdk/common";
import { Point } from "./point.ts";

class PointConverter implements PayloadConverterWithEncoding {
  readonly encodingType = "text/point";
  toPayload(value: unknown): Payload | undefined {
    if (!(value instanceof Point)) return undefined;
    const encode = (text: string) => new TextEncoder().encode(text);
    return { metadata: { encoding: encode(this.encodingType) }, data: encode(`secret ${value.x},${value.y}`) };
  }
  fromPayload<T>(payload: Payload): T {
    const [x = 0, y = 0] = new TextDecoder().decode(payload.data).replace("secret ", "").split(",").map(Number);
    return new Point(x, y) as T;
  }
}

export const payloadConverter = new CompositePayloadConverter(
  new PointConverter(),
  new UndefinedPayloadConverter(),
  new BinaryPayloadConverter(),
  new JsonPayloadConverter(),
);

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
