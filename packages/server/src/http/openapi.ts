/** What is served over HTTP, as an OpenAPI 3.1 document: made from the routes themselves, so that none is missing and none is made up. */
import { type Method, statusCodes } from "@pawl/protocol";
import { messageSchema } from "@pawl/protocol/json";
import { fieldAt, type JsonSchema, queryFields, SchemaCollection } from "./json-schema.ts";
import { jsonReply } from "./reply.ts";
import type { Route } from "./route-table.ts";

/** The reference server has it as YAML, for which JSON will do. */
const contentTypes = { "/openapi.json": "application/json", "/openapi.yaml": "application/yaml" } as const;

/** `routes` are asked for when somebody asks for the document: it describes itself too. */
export function openApiRoutes(version: string, routes: () => readonly Route[]): Route[] {
  let document: unknown;
  return Object.entries(contentTypes).map(([template, contentType]) => ({
    ...{ verb: "GET", template, operation: "OpenApi" },
    shape: { type: "own", summary: "This document.", answer: { type: "object" } },
    serve: async (exchange) => {
      document ??= openApiDocument(version, routes());
      return jsonReply(document, { isPretty: exchange.query.has("pretty"), contentType });
    },
  }));
}

function openApiDocument(version: string, routes: readonly Route[]): Readonly<Record<string, unknown>> {
  const schemas = new SchemaCollection();
  const names = new OperationNames();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const operation = operationOf(route, schemas, names);
    if (!operation) continue;
    paths[route.template] ??= {};
    paths[route.template]![route.verb.toLowerCase()] = operation;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Pawl",
      version,
      summary: "Durable execution over HTTP",
      description: "The HTTP API of Temporal, and routes to end activities and follow them from elsewhere.",
    },
    paths,
    components: { schemas: { ...schemas.all, Problem: problemSchema }, parameters: formParameters },
  };
}

/** An id for each operation: the RPC's name, numbered where several routes lead to one. */
class OperationNames {
  readonly #seen = new Map<string, number>();

  next(operation: string): string {
    const count = (this.#seen.get(operation) ?? 0) + 1;
    this.#seen.set(operation, count);
    return count === 1 ? operation : `${operation}_${count}`;
  }
}

/** `undefined` for a route behind which there is nothing but a refusal. */
function operationOf(route: Route, schemas: SchemaCollection, names: OperationNames) {
  const { shape } = route;
  if (shape.type === "own") {
    const query = Object.entries(shape.query ?? {}).map(([name, schema]) => ({ name, in: "query", schema }));
    const values = pathNames(route).map((name) => pathParameter(name, { type: "string" }));
    return {
      ...{ operationId: names.next(route.operation), summary: shape.summary, tags: ["Pawl"] },
      parameters: [...values, ...query],
      ...(shape.body && { requestBody: { required: true, content: jsonContent(shape.body) } }),
      responses: responses(jsonContent(shape.answer), shape.alsoAs, shape.refusal),
    };
  }
  if (!shape.isServed) return undefined;
  const { method, body, follows } = shape;
  return {
    ...{ operationId: names.next(method.name), tags: [method.service.split(".").at(-1)] },
    // The same route without the prefix is how the API was first served.
    ...(!route.template.startsWith("/api/v1/") && { deprecated: true }),
    parameters: methodParameters(route, method, body, schemas),
    ...(body !== undefined && { requestBody: { content: jsonContent(schemas.message(method.request.typeName)) } }),
    responses: responses(jsonContent(schemas.message(method.response.typeName)), follows ? ["text/event-stream"] : []),
  };
}

function methodParameters(route: Route, method: Method, body: string | undefined, schemas: SchemaCollection) {
  const schema = messageSchema(method.request.typeName)!;
  const names = pathNames(route);
  const inPath = names.map((name) => pathParameter(name, schemas.field(fieldAt(schema, name)!)));
  const taken = new Set(names.map((name) => fieldAt(schema, name)));
  const inQuery =
    body === undefined
      ? queryFields(schema)
          .filter(([name]) => !taken.has(fieldAt(schema, name)))
          .map(([name, field]) => ({ name, in: "query", schema: schemas.field(field) }))
      : [];
  const forms = Object.keys(formParameters).map((name) => ({ $ref: `#/components/parameters/${name}` }));
  return [...inPath, ...inQuery, ...forms];
}

function pathNames({ template }: Route): string[] {
  return [...template.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);
}

function pathParameter(name: string, schema: JsonSchema) {
  return { name, in: "path", required: true, schema };
}

function jsonContent(schema: JsonSchema) {
  return { "application/json": { schema } };
}

function responses(content: object, alsoAs: readonly string[] = [], refusal?: JsonSchema) {
  const others = Object.fromEntries(alsoAs.map((type) => [type, { schema: { type: "string" } }]));
  return {
    "200": { description: "What was asked for.", content: { ...content, ...others } },
    default: {
      description: "A refusal.",
      content: {
        "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
        ...(refusal && jsonContent(refusal)),
      },
    },
  };
}

const formParameters = {
  pretty: {
    ...{ name: "pretty", in: "query", schema: { type: "string" }, allowEmptyValue: true },
    description: "Indents the answer.",
  },
  noPayloadShorthand: {
    ...{ name: "noPayloadShorthand", in: "query", schema: { type: "string" }, allowEmptyValue: true },
    description: "Shows payloads with their metadata.",
  },
};

const problemSchema = {
  type: "object",
  description: "RFC 9457, and google.rpc.Status.",
  required: ["type", "title", "status", "detail", "code", "message"],
  properties: {
    ...{ type: { type: "string" }, title: { type: "string" }, detail: { type: "string" }, message: { type: "string" } },
    status: { type: "integer", description: "The HTTP status." },
    code: { type: "integer", description: "The status of gRPC.", enum: Object.values(statusCodes) },
    details: { type: "array", items: { type: "object", properties: { "@type": { type: "string" } } } },
  },
};
