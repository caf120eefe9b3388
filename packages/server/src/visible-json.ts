/**
 * JSON of a value in which no character is left that a terminal may obey. `JSON.stringify` leaves DEL, the C1 controls, the Unicode line separators and
 * the marks that turn the direction of a text as they are; here they are escaped, so that a parser still reads the same value.
 */
export function visibleJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
