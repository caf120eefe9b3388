/** Routes by verb and path. A template is made of literal segments and parameters in braces; a literal goes before a parameter. */
import type { Method } from "@pawl/protocol";
import type { Operation } from "../access/table.ts";
import type { Exchange } from "./exchange.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { Reply } from "./reply.ts";

const verbs = ["GET", "POST", "PUT", "DELETE", "PATCH"] as const;
export type Verb = (typeof verbs)[number];

/** The values of a template's parameters by their names, decoded. */
export type PathValues = ReadonlyMap<string, string>;

/** What a route takes and gives, for its documentation. */
export type RouteShape =
  | {
      readonly type: "method";
      readonly method: Method;
      readonly body: string | undefined;
      /** False while the method is refused as not implemented. */
      readonly isServed: boolean;
      /** It can answer with a stream of events too. */
      readonly follows: boolean;
    }
  | {
      readonly type: "own";
      readonly summary: string;
      readonly query?: Readonly<Record<string, JsonSchema>>;
      readonly body?: JsonSchema;
      readonly answer: JsonSchema;
      /** What a refusal can be beside a problem. */
      readonly refusal?: JsonSchema;
      /** Media types that the answer can have beside JSON. */
      readonly alsoAs?: readonly string[];
    };

export interface Route {
  readonly verb: Verb;
  /** Such as `/api/v1/namespaces/{namespace}/workflows/{execution.workflow_id}`. */
  readonly template: string;
  /** The RPC, or what the route is called in metrics and in the table of who may do what. */
  readonly operation: Operation;
  readonly shape: RouteShape;
  /** The namespace that decides who may have it, where that is not the path's own `namespace`. */
  readonly namespaceOf?: (values: PathValues) => string;
  /** It knows only from its body what it is about, and asks the gate then. */
  readonly judges?: "itself";
  /** `undefined`: the answer was written as a stream. */
  serve(exchange: Exchange, values: PathValues): Promise<Reply | undefined>;
}

export type Found =
  | { readonly type: "found"; readonly route: Route; readonly values: PathValues }
  | { readonly type: "otherVerbs"; readonly allowed: readonly string[] }
  /** `known` leads as far as the path is known; `next` are the segments that could follow it. */
  | { readonly type: "unknown"; readonly known: string; readonly next: readonly string[] };

class Node {
  readonly literals = new Map<string, Node>();
  parameter: Node | undefined;
  readonly routes = new Map<Verb, Route>();
}

export class RouteTable {
  readonly #root = new Node();

  /** Throws when two routes have one verb and the same shape of path. */
  constructor(routes: Iterable<Route>) {
    for (const route of routes) {
      const node = segmentsOf(route.template).reduce(child, this.#root);
      const taken = node.routes.get(route.verb);
      if (taken) throw new Error(`${route.verb} ${route.template} is ${taken.operation} already`);
      node.routes.set(route.verb, route);
    }
  }

  /** `segments` are what stands between the path's slashes, decoded. HEAD is answered as GET is. */
  find(verb: string, segments: readonly string[]): Found {
    let furthest: Trail = { node: this.#root, known: [] };
    const leaves: Node[] = [];
    const walk = (node: Node, at: number, known: readonly string[]): void => {
      if (known.length >= furthest.known.length) furthest = { node, known };
      const segment = segments[at];
      if (segment === undefined) {
        if (node.routes.size > 0) leaves.push(node);
        return;
      }
      const literal = node.literals.get(segment);
      if (literal) walk(literal, at + 1, [...known, segment]);
      if (node.parameter) walk(node.parameter, at + 1, [...known, "{…}"]);
    };
    walk(this.#root, 0, []);
    const wanted = (verb === "HEAD" ? "GET" : verb) as Verb;
    for (const { routes } of leaves) {
      const route = routes.get(wanted);
      if (route) return { type: "found", route, values: valuesOf(route, segments) };
    }
    if (leaves.length > 0) {
      const allowed = new Set(leaves.flatMap(({ routes }) => [...routes.keys()]));
      return { type: "otherVerbs", allowed: [...allowed, ...(allowed.has("GET") ? ["HEAD"] : [])] };
    }
    const { node, known } = furthest;
    const next = [...node.literals.keys(), ...(node.parameter ? ["{…}"] : [])];
    return { type: "unknown", known: `/${known.join("/")}`, next };
  }
}

interface Trail {
  readonly node: Node;
  readonly known: readonly string[];
}

function segmentsOf(template: string): string[] {
  return template.split("/").slice(1);
}

function parameterName(segment: string): string | undefined {
  return /^\{(.+)\}$/.exec(segment)?.[1];
}

function child(node: Node, segment: string): Node {
  if (parameterName(segment) !== undefined) {
    node.parameter ??= new Node();
    return node.parameter;
  }
  const known = node.literals.get(segment);
  if (known) return known;
  const made = new Node();
  node.literals.set(segment, made);
  return made;
}

function valuesOf({ template }: Route, segments: readonly string[]): PathValues {
  const pairs = segmentsOf(template).flatMap((segment, index) => {
    const name = parameterName(segment);
    return name === undefined ? [] : [[name, segments[index]!] as const];
  });
  return new Map(pairs);
}
