/** How this browser uses the codec server that whoever runs the server has named. */
import { remembered } from "../parts/remembered.ts";

/** `undefined`: there is none. The page's policy lets it ask no other. */
export const codecEndpoint: string | undefined = globalThis.document?.querySelector<HTMLMetaElement>(
  'meta[name="pawl-codec-endpoint"]',
)?.content;

export interface CodecSettings {
  readonly isOn: boolean;
  /** What is typed here is encoded before it is sent. */
  readonly encodes: boolean;
  /** Cookies that this browser has for the codec server go with each request. */
  readonly withCookies: boolean;
}

export const codecSettings = remembered<CodecSettings>({
  key: "codec",
  read: (kept) => {
    const { isOn, encodes = true, withCookies } = (kept ?? {}) as Partial<CodecSettings>;
    const isKept = [isOn, encodes, withCookies].every((each) => typeof each === "boolean");
    return isKept ? ({ isOn, encodes, withCookies } as CodecSettings) : undefined;
  },
  otherwise: { isOn: true, encodes: true, withCookies: false },
});

/** Where what is typed is encoded; `undefined` when it is sent as it is. */
export function encodingEndpoint(): string | undefined {
  const { isOn, encodes } = codecSettings.get();
  return isOn && encodes ? codecEndpoint : undefined;
}

/** Sent as `Authorization`. Kept by this page alone, until it is left: no storage that others could read has it. */
let token = "";

export function setCodecToken(text: string): void {
  token = text.trim();
}

export function codecToken(): string {
  return token;
}
