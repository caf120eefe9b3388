/**
 * The built-in objects and the SDK's own classes are shared by all runs of a sandbox. Frozen, none of them can carry anything from one run to
 * another: not a method that was replaced, not a property that was added.
 */

type Unknown = Record<PropertyKey, unknown>;

/** What these roots lead to are all objects that the language itself brings. */
function roots(): object[] {
  const named = [
    ...["Object", "Function", "Array", "String", "Number", "Boolean", "Symbol", "BigInt", "RegExp", "Date", "Promise"],
    ...[
      "Map",
      "Set",
      "WeakMap",
      "WeakSet",
      "WeakRef",
      "FinalizationRegistry",
      "Proxy",
      "Reflect",
      "JSON",
      "Math",
      "Intl",
    ],
    ...["Error", "AggregateError", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"],
    ...["ArrayBuffer", "DataView", "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array"],
    ...["Int32Array", "Uint32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array", "Iterator"],
    ...[
      "parseInt",
      "parseFloat",
      "isNaN",
      "isFinite",
      "encodeURIComponent",
      "decodeURIComponent",
      "encodeURI",
      "decodeURI",
    ],
  ];
  const globals = globalThis as unknown as Unknown;
  // Those that have no name of their own.
  const hidden = [
    Object.getPrototypeOf(function* () {}),
    Object.getPrototypeOf(async () => undefined),
    Object.getPrototypeOf(async function* () {}),
    Object.getPrototypeOf(new Map().entries()),
    Object.getPrototypeOf(new Set().values()),
    Object.getPrototypeOf([].values()),
    Object.getPrototypeOf("".matchAll(/x/g)),
    Object.getPrototypeOf(""[Symbol.iterator]()),
  ];
  return [...named.map((name) => globals[name]), ...hidden].filter(isObject);
}

/** Properties that instances often have of their own by assignment, which a frozen prototype would refuse. */
const assignable: ReadonlyMap<object, readonly string[]> = new Map<object, readonly string[]>([
  [Object.prototype, ["constructor", "toString", "toLocaleString", "valueOf", "hasOwnProperty"]],
  [Function.prototype, ["constructor", "toString", "name", "call", "apply", "bind"]],
  [Array.prototype, ["constructor", "toString"]],
]);
const assignableOnErrors = ["constructor", "name", "message", "toString"] as const;

/** `more`: further objects that runs share. What is reached by the state of an object, and not by its properties, stays as it is. */
export function freezeShared(more: readonly object[]): void {
  const seen = new Set<object>();
  const waiting = [...roots(), ...more];
  for (let found = waiting.pop(); found; found = waiting.pop()) {
    if (seen.has(found) || !isOfThisRealm(found)) continue;
    seen.add(found);
    const prototype = Object.getPrototypeOf(found) as unknown;
    if (isObject(prototype)) waiting.push(prototype);
    for (const { value, get, set } of Object.values(
      Object.getOwnPropertyDescriptors(found) as Record<string, PropertyDescriptor>,
    )) {
      waiting.push(...[value, get, set].filter(isObject));
    }
  }
  for (const each of seen) {
    for (const key of assignableOf(each)) letInstancesAssign(each, key);
  }
  for (const each of seen) {
    if (each === Error) freezeAllBut(each, "stackTraceLimit");
    // Arrays of bytes cannot be frozen, and nothing of the language is one.
    else if (!ArrayBuffer.isView(each)) Object.freeze(each);
  }
}

/** A setting of the engine that libraries change for a moment. */
function freezeAllBut(object: object, setting: string): void {
  for (const key of Reflect.ownKeys(object)) {
    const { value } = Object.getOwnPropertyDescriptor(object, key)!;
    if (key !== setting) Object.defineProperty(object, key, { value, writable: false, configurable: false });
  }
  Object.preventExtensions(object);
}

/** What Node lends to the sandbox belongs to the process: to freeze it would freeze the process. */
function isOfThisRealm(object: object): boolean {
  let top = object;
  for (let up: object | null = object; up; up = Object.getPrototypeOf(up)) top = up;
  return top === object || top === Object.prototype;
}

function assignableOf(object: object): readonly string[] {
  if (object === Error.prototype || object instanceof Error) return assignableOnErrors;
  return assignable.get(object) ?? [];
}

/** Turns a property into one that reads as before, and that an assignment to an instance hides by one of its own. */
function letInstancesAssign(prototype: object, key: string): void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, key);
  if (!descriptor?.configurable || !("value" in descriptor)) return;
  const { value, enumerable = false } = descriptor;
  Object.defineProperty(prototype, key, {
    get: () => value as unknown,
    set(this: object, own: unknown) {
      if (this === prototype) throw new TypeError(`Cannot assign to read only property '${key}' of a built-in object`);
      Object.defineProperty(this, key, { value: own, writable: true, enumerable: true, configurable: true });
    },
    enumerable,
    configurable: false,
  });
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
