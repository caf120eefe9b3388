/** As much of JSON Schema as Pawl's OpenAPI document uses: whether a value is what the document says. */

export type Schema = Readonly<Record<string, unknown>>;
export type Schemas = Readonly<Record<string, Schema>>;

/** What is wrong, each with its path; empty when nothing is. */
export function problems(schema: Schema, value: unknown, schemas: Schemas, path = "$"): string[] {
  const { $ref, anyOf, type, items, properties, additionalProperties, required, enum: members, pattern } = schema;
  if (typeof $ref === "string") {
    const target = schemas[$ref.replace("#/components/schemas/", "")];
    return target ? problems(target, value, schemas, path) : [`${path}: ${$ref} is not there`];
  }
  if (Array.isArray(anyOf)) {
    const found = anyOf.map((each) => problems(each as Schema, value, schemas, path));
    return found.some(({ length }) => length === 0) ? [] : (found[0] ?? []);
  }
  if (Array.isArray(members)) return members.includes(value) ? [] : [`${path}: ${JSON.stringify(value)} is no member`];
  if (type !== undefined && typeOf(value, type) !== type) return [`${path}: ${typeOf(value, type)} instead of ${type}`];
  if (typeof pattern === "string" && !new RegExp(pattern).test(String(value)))
    return [`${path}: ${JSON.stringify(value)} does not match ${pattern}`];
  if (Array.isArray(value))
    return value.flatMap((each, index) => problems((items ?? {}) as Schema, each, schemas, `${path}[${index}]`));
  if (type !== "object") return [];
  const known = (properties ?? {}) as Schemas;
  const missing = ((required ?? []) as string[]).filter((name) => !(name in (value as object)));
  const inside = Object.entries(value as object).flatMap(([name, each]) => {
    const own = known[name] ?? additionalProperties ?? {};
    return own === false
      ? [`${path}: no such member ${name}`]
      : problems(own as Schema, each, schemas, `${path}.${name}`);
  });
  return [...missing.map((name) => `${path}: ${name} is missing`), ...inside];
}

function typeOf(value: unknown, wanted: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "number" && wanted === "integer" && Number.isInteger(value) ? "integer" : typeof value;
}

export interface Operation {
  readonly verb: string;
  readonly template: string;
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: "path" | "query"; readonly schema: Schema }[];
  readonly body: Schema | undefined;
  readonly answer: Schema;
  /** What refuses as JSON that is no problem. */
  readonly refusal: Schema | undefined;
}

export interface Document {
  readonly operations: readonly Operation[];
  readonly schemas: Schemas;
}

/** Throws for a document that is not one. */
export function readDocument(json: unknown): Document {
  const { paths, components } = json as {
    paths: Record<string, Record<string, RawOperation>>;
    components: { schemas: Schemas; parameters: Record<string, Operation["parameters"][number]> };
  };
  const operations = Object.entries(paths).flatMap(([template, byVerb]) =>
    Object.entries(byVerb).map(([verb, raw]): Operation => {
      const parameters = raw.parameters.map((each) =>
        "$ref" in each ? components.parameters[each.$ref.replace("#/components/parameters/", "")]! : each,
      );
      return {
        ...{ verb: verb.toUpperCase(), template, operationId: raw.operationId, parameters },
        body: raw.requestBody?.content["application/json"]?.schema,
        answer: raw.responses["200"].content["application/json"]!.schema,
        refusal: raw.responses.default.content["application/json"]?.schema,
      };
    }),
  );
  return { operations, schemas: components.schemas };
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface RawOperation {
  readonly operationId: string;
  readonly parameters: readonly (Operation["parameters"][number] | { readonly $ref: string })[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<"200" | "default", { readonly content: Content }>>;
}
