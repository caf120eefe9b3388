/** The API's messages as they are described, as far as those who write them need to know. */
import { createRequire } from "node:module";

export interface Enumeration {
  readonly values: Readonly<Record<string, number>>;
}

export interface Field {
  readonly name: string;
  readonly id: number;
  /** A scalar type, or the name of a message or an enum. */
  readonly type: string;
  readonly repeated: boolean;
  readonly map: boolean;
  /** Of a map. */
  readonly keyType?: string;
  readonly parent: { readonly name: string } | null;
  readonly partOf: Oneof | null;
  /** Null for a scalar; known after `resolve`. */
  readonly resolvedType: Message | Enumeration | null;
  resolve(): Field;
}

export interface Oneof {
  readonly name: string;
  readonly fieldsArray: readonly Field[];
}

export interface Message {
  /** Begins with a dot. */
  readonly fullName: string;
  readonly fieldsArray: readonly Field[];
  readonly oneofsArray: readonly Oneof[];
}

interface Root {
  lookupType(name: string): Message;
  lookupEnum(name: string): Enumeration;
}

export const root = createRequire(import.meta.url)("@temporalio/proto/protos/root.js") as Root;
