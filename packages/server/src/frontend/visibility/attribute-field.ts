/**
 * The fields of search attributes: `Keyword01`, `Int02`, … . On servers that keep attributes in columns of a database these are the columns, and what users
 * call an attribute is its alias. Here they are names for the sake of clients that know an attribute by its field.
 */
import { type AttributeType, typeName, typeOfName } from "./search-attribute.ts";

/** Undefined for what is no field's name. */
export function typeOfField(field: string): AttributeType | undefined {
  const [, type] = /^([A-Za-z]+)(?!00)\d{2,3}$/.exec(field) ?? [];
  const found = typeOfName(type ?? "");
  return found !== undefined && typeName(found) === type ? found : undefined;
}

/** The first of the type that is not taken. */
export function freeField(type: AttributeType, isTaken: (field: string) => boolean): string {
  for (let number = 1; ; number++) {
    const field = `${typeName(type)}${String(number).padStart(2, "0")}`;
    if (!isTaken(field)) return field;
  }
}
