/**
 * Writes packages/protocol/src/gen/descriptors.js: the API as the file descriptors that gRPC reflection serves, from the same source as the codecs.
 *
 * The source knows packages, not files, so each package becomes one file; google.protobuf keeps the file names that every tool has built in.
 * Comments and options are not in it.
 */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { $Writer } from "../packages/protocol/src/wire.js";

interface Field {
  readonly type: string;
  readonly id: number;
  readonly protoName?: string;
  readonly rule?: "repeated";
  readonly keyType?: string;
  readonly options?: { readonly deprecated?: boolean; readonly proto3_optional?: boolean };
}
interface Rpc {
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
}
interface Node {
  readonly nested?: Readonly<Record<string, Node>>;
  readonly fields?: Readonly<Record<string, Field>>;
  readonly oneofs?: Readonly<Record<string, { readonly oneof: readonly string[] }>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly methods?: Readonly<Record<string, Rpc>>;
}

/** Packages from which everything that is reachable is written. */
const roots = [
  "temporal.api.workflowservice.v1",
  "temporal.api.operatorservice.v1",
  "temporal.api.errordetails.v1",
  "grpc.health.v1",
];

const wellKnown: Readonly<Record<string, string>> = {
  ...{ Any: "any", Duration: "duration", Empty: "empty", FieldMask: "field_mask", Timestamp: "timestamp" },
  ...{ Struct: "struct", Value: "struct", ListValue: "struct", NullValue: "struct" },
  ...{
    BoolValue: "wrappers",
    BytesValue: "wrappers",
    DoubleValue: "wrappers",
    FloatValue: "wrappers",
    Int32Value: "wrappers",
  },
  ...{ Int64Value: "wrappers", StringValue: "wrappers", UInt32Value: "wrappers", UInt64Value: "wrappers" },
};

/** gRPC reflection describes itself too; these are its messages, which the source does not hold. */
function reflectionPackage(): Node {
  const named = (fields: Readonly<Record<string, readonly [type: string, id: number, rule?: "repeated"]>>) =>
    Object.fromEntries(
      Object.entries(fields).map(([protoName, [type, id, rule]]) => {
        const field: Field = { type, id, protoName, ...(rule && { rule }) };
        return [protoName.replace(/_(.)/g, (_, char: string) => char.toUpperCase()), field];
      }),
    );
  const requests = named({
    file_by_filename: ["string", 3],
    file_containing_symbol: ["string", 4],
    file_containing_extension: ["ExtensionRequest", 5],
    all_extension_numbers_of_type: ["string", 6],
    list_services: ["string", 7],
  });
  const answers = named({
    file_descriptor_response: ["FileDescriptorResponse", 4],
    all_extension_numbers_response: ["ExtensionNumberResponse", 5],
    list_services_response: ["ListServiceResponse", 6],
    error_response: ["ErrorResponse", 7],
  });
  const original = named({ valid_host: ["string", 1], original_request: ["ServerReflectionRequest", 2] });
  return {
    nested: {
      ServerReflectionRequest: {
        fields: { ...named({ host: ["string", 1] }), ...requests },
        oneofs: { message_request: { oneof: Object.keys(requests) } },
      },
      ExtensionRequest: { fields: named({ containing_type: ["string", 1], extension_number: ["int32", 2] }) },
      ServerReflectionResponse: {
        fields: { ...original, ...answers },
        oneofs: { message_response: { oneof: Object.keys(answers) } },
      },
      FileDescriptorResponse: { fields: named({ file_descriptor_proto: ["bytes", 1, "repeated"] }) },
      ExtensionNumberResponse: {
        fields: named({ base_type_name: ["string", 1], extension_number: ["int32", 2, "repeated"] }),
      },
      ListServiceResponse: { fields: named({ service: ["ServiceResponse", 1, "repeated"] }) },
      ServiceResponse: { fields: named({ name: ["string", 1] }) },
      ErrorResponse: { fields: named({ error_code: ["int32", 1], error_message: ["string", 2] }) },
      ServerReflection: {
        methods: {
          ServerReflectionInfo: {
            ...{ requestType: "ServerReflectionRequest", responseType: "ServerReflectionResponse" },
            ...{ requestStream: true, responseStream: true },
          },
        },
      },
    },
  };
}

const reflectionPackages = ["grpc.reflection.v1", "grpc.reflection.v1alpha"];

const scalarTypes: Readonly<Record<string, number>> = {
  ...{ double: 1, float: 2, int64: 3, uint64: 4, int32: 5, fixed64: 6, fixed32: 7, bool: 8, string: 9, bytes: 12 },
  ...{ uint32: 13, sfixed32: 15, sfixed64: 16, sint32: 17, sint64: 18 },
};
const [messageType, enumType] = [11, 14];

/** Everything by its full name; the descriptor's names start with a dot. */
class Names {
  readonly #nodes = new Map<string, Node>();
  readonly #files = new Map<string, string>();

  constructor(root: Node) {
    this.#walk(root, "", "", "");
  }

  /** As protobuf resolves names: the innermost scope first. */
  resolve(type: string, scope: string): { readonly name: string; readonly isEnum: boolean } {
    const parts = scope.split(".");
    for (let end = parts.length; end >= 0; end--) {
      const name = [...parts.slice(0, end), type].join(".");
      const node = this.#nodes.get(name);
      if (node?.fields || node?.values) return { name, isEnum: node.values !== undefined };
    }
    throw new Error(`${scope}: unknown type ${type}`);
  }

  fileOf(name: string): string {
    return this.#files.get(name)!;
  }

  #walk(node: Node, name: string, packageName: string, file: string): void {
    this.#nodes.set(name, node);
    this.#files.set(name, file);
    const isPackage = !(node.fields || node.values || node.methods);
    for (const [key, child] of Object.entries(node.nested ?? {})) {
      const childName = name === "" ? key : `${name}.${key}`;
      const childPackage = isPackage ? name : packageName;
      this.#walk(child, childName, childPackage, isPackage ? fileName(name, key) : file);
    }
  }
}

function fileName(packageName: string, topLevel: string): string {
  if (packageName === "google.protobuf") return `google/protobuf/${wellKnown[topLevel] ?? "descriptor"}.proto`;
  if (packageName.startsWith("grpc.")) return `${packageName.replaceAll(".", "/")}.proto`;
  return `${packageName.replaceAll(".", "/")}/message.proto`;
}

type Writer = ReturnType<typeof $Writer.create>;
const tag = (id: number, wire: number) => (id << 3) | wire;
const put = {
  text: (out: Writer, id: number, value: string) => out.uint32(tag(id, 2)).string(value),
  number: (out: Writer, id: number, value: number) => out.uint32(tag(id, 0)).int32(value),
  flag: (out: Writer, id: number) => out.uint32(tag(id, 0)).bool(true),
  message: (out: Writer, id: number, write: (inner: Writer) => void) => {
    write(out.uint32(tag(id, 2)).fork());
    out.ldelim();
  },
};

/** One file being written: its bytes, what it holds, and which files it needs. */
class FileWriter {
  readonly name: string;
  readonly #package: string;
  readonly #names: Names;
  readonly #out = $Writer.create();
  readonly #needed = new Set<string>();
  readonly symbols: string[] = [];

  constructor(name: string, packageName: string, names: Names) {
    this.name = name;
    this.#package = packageName;
    this.#names = names;
  }

  add(key: string, node: Node): void {
    const name = `${this.#package}.${key}`;
    if (node.values) put.message(this.#out, 5, (out) => this.#enum(out, name, key, node.values!));
    else if (node.fields) put.message(this.#out, 4, (out) => this.#message(out, name, key, node));
    else if (node.methods) put.message(this.#out, 6, (out) => this.#service(out, name, key, node.methods!));
  }

  get needed(): string[] {
    this.#needed.delete(this.name);
    return [...this.#needed].sort();
  }

  finish(): Uint8Array {
    const out = $Writer.create();
    put.text(out, 1, this.name);
    put.text(out, 2, this.#package);
    for (const file of this.needed) put.text(out, 3, file);
    put.text(out, 12, "proto3");
    return Buffer.concat([out.finish(), this.#out.finish()]);
  }

  #message(out: Writer, name: string, key: string, node: Node): void {
    this.symbols.push(name);
    put.text(out, 1, key);
    // Oneofs that only say "optional" come last, as the format asks.
    const oneofs = Object.entries(node.oneofs ?? {}).sort(
      ([a], [b]) => Number(a.startsWith("_")) - Number(b.startsWith("_")),
    );
    for (const [field, shape] of Object.entries(node.fields!)) {
      const oneof = oneofs.findIndex(([, { oneof: members }]) => members.includes(field));
      const entry = shape.keyType === undefined ? undefined : `${pascal(shape.protoName ?? field)}Entry`;
      put.message(out, 2, (inner) => this.#field(inner, name, field, shape, oneof, entry));
      if (entry) put.message(out, 3, (inner) => this.#mapEntry(inner, name, entry, shape));
    }
    for (const [child, childNode] of Object.entries(node.nested ?? {})) {
      if (childNode.values)
        put.message(out, 4, (inner) => this.#enum(inner, `${name}.${child}`, child, childNode.values!));
      else put.message(out, 3, (inner) => this.#message(inner, `${name}.${child}`, child, childNode));
    }
    for (const [oneof] of oneofs) put.message(out, 8, (inner) => put.text(inner, 1, oneof));
  }

  #field(out: Writer, scope: string, field: string, shape: Field, oneof: number, entry: string | undefined): void {
    put.text(out, 1, shape.protoName ?? field);
    put.number(out, 3, shape.id);
    put.number(out, 4, shape.rule === "repeated" || entry ? 3 : 1);
    if (entry) {
      put.number(out, 5, messageType);
      put.text(out, 6, `.${scope}.${entry}`);
    } else this.#type(out, scope, shape.type);
    if (oneof >= 0) put.number(out, 9, oneof);
    put.text(out, 10, field);
    if (shape.options?.deprecated) put.message(out, 8, (options) => put.flag(options, 3));
    if (shape.options?.proto3_optional) put.flag(out, 17);
  }

  #type(out: Writer, scope: string, type: string): void {
    const scalar = scalarTypes[type];
    if (scalar !== undefined) {
      put.number(out, 5, scalar);
      return;
    }
    const target = this.#names.resolve(type, scope);
    this.#needed.add(this.#names.fileOf(target.name));
    put.number(out, 5, target.isEnum ? enumType : messageType);
    put.text(out, 6, `.${target.name}`);
  }

  #mapEntry(out: Writer, scope: string, entry: string, { type, keyType }: Field): void {
    put.text(out, 1, entry);
    for (const [name, id, of] of [
      ["key", 1, keyType!],
      ["value", 2, type],
    ] as const) {
      put.message(out, 2, (field) => {
        put.text(field, 1, name);
        put.number(field, 3, id);
        put.number(field, 4, 1);
        this.#type(field, scope, of);
        put.text(field, 10, name);
      });
    }
    put.message(out, 7, (options) => put.flag(options, 7));
  }

  #enum(out: Writer, name: string, key: string, values: Readonly<Record<string, number>>): void {
    this.symbols.push(name);
    put.text(out, 1, key);
    for (const [value, number] of Object.entries(values)) {
      put.message(out, 2, (inner) => {
        put.text(inner, 1, value);
        put.number(inner, 2, number);
      });
    }
    const numbers = Object.values(values);
    if (new Set(numbers).size < numbers.length) put.message(out, 3, (options) => put.flag(options, 2));
  }

  #service(out: Writer, name: string, key: string, methods: Readonly<Record<string, Rpc>>): void {
    this.symbols.push(name);
    put.text(out, 1, key);
    for (const [method, rpc] of Object.entries(methods)) {
      this.symbols.push(`${name}.${method}`);
      put.message(out, 2, (inner) => {
        put.text(inner, 1, method);
        for (const [id, type] of [
          [2, rpc.requestType],
          [3, rpc.responseType],
        ] as const) {
          const target = this.#names.resolve(type, this.#package);
          this.#needed.add(this.#names.fileOf(target.name));
          put.text(inner, id, `.${target.name}`);
        }
        if (rpc.requestStream) put.flag(inner, 5);
        if (rpc.responseStream) put.flag(inner, 6);
      });
    }
  }
}

const pascal = (name: string) => name.replace(/(?:^|_)(.)/g, (_, char: string) => char.toUpperCase());

function packageAt(root: Node, name: string): Node {
  return name.split(".").reduce((node, part) => node.nested![part]!, root);
}

/** The source with gRPC reflection's own packages in it. `T` is how the caller sees the same tree. */
export function withReflection<T extends object>(source: T): T {
  const root: Node = source;
  const versions = Object.fromEntries(reflectionPackages.map((name) => [name.split(".").at(-1)!, reflectionPackage()]));
  const grpc = { nested: { ...root.nested?.["grpc"]?.nested, reflection: { nested: versions } } };
  return { ...source, nested: { ...root.nested, grpc } };
}

/** The packages of `roots`, and all that they need. */
function filesOf(root: Node): FileWriter[] {
  const names = new Names(root);
  const files = new Map<string, FileWriter>();
  const waiting = [...roots, ...reflectionPackages];
  const seen = new Set(waiting);
  for (let packageName = waiting.shift(); packageName !== undefined; packageName = waiting.shift()) {
    for (const [key, node] of Object.entries(packageAt(root, packageName).nested ?? {})) {
      if (packageName === "google.protobuf" && !(key in wellKnown)) continue;
      const name = fileName(packageName, key);
      const file = files.get(name) ?? new FileWriter(name, packageName, names);
      files.set(name, file);
      file.add(key, node);
    }
    for (const file of files.values()) {
      for (const needed of file.needed) {
        const next = needed.replace(/(\/message|\/[a-z_]+)?\.proto$/, "").replaceAll("/", ".");
        if (!seen.has(next)) waiting.push(next);
        seen.add(next);
      }
    }
  }
  return [...files.values()];
}

/** A file needs others that are complete before it: a circle would be refused by every reader. */
function assertNoCircle(files: readonly FileWriter[]): void {
  const byName = new Map(files.map((file) => [file.name, file]));
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) throw new Error(`files need each other: ${[...path, name].join(" → ")}`);
    if (done.has(name)) return;
    for (const needed of byName.get(name)?.needed ?? []) visit(needed, [...path, name]);
    done.add(name);
  };
  for (const name of byName.keys()) visit(name, []);
}

export function writeDescriptors(folder: URL): void {
  const source = createRequire(import.meta.url)("@temporalio/proto/protos/root.js") as { toJSON(): Node };
  const files = filesOf(withReflection(source.toJSON()));
  assertNoCircle(files);
  const rows = files.map((file) => {
    const row = {
      name: file.name,
      needs: file.needed,
      symbols: file.symbols,
      base64: Buffer.from(file.finish()).toString("base64"),
    };
    return `${JSON.stringify(row)},`;
  });
  writeFileSync(new URL("descriptors.js", folder), ["export const fileDescriptors = [", ...rows, "];", ""].join("\n"));
  writeFileSync(
    new URL("descriptors.d.ts", folder),
    [
      "/** One .proto file. `symbols`: full names of its messages, enums, services and methods; `base64`: its google.protobuf.FileDescriptorProto. */",
      "export interface FileDescriptor {",
      ...["name: string", "needs: readonly string[]", "symbols: readonly string[]", "base64: string"].map(
        (field) => `  readonly ${field};`,
      ),
      "}",
      "export declare const fileDescriptors: readonly FileDescriptor[];",
      "",
    ].join("\n"),
  );
}
