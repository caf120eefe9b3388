/** Filters over workers, in the language of list filters. As in SQL, a comparison with what is missing is not true. */
import { enums, timestampMs } from "@pawl/protocol";
import { QueryError } from "../visibility/query-lexer.ts";
import { parseTime } from "../visibility/time-text.ts";
import {
  type Comparison,
  type Expression,
  type Literal,
  notSupported,
  parseQuery,
  type Term,
} from "../visibility/visibility-query.ts";
import type { Heartbeat } from "./worker-registry.ts";

type Value = string | number;
type Truth = boolean | null;
type Predicate = (heartbeat: Heartbeat) => Truth;
type Field = { readonly type: "text" | "time"; readonly read: (heartbeat: Heartbeat) => Value | undefined };

const statusNames: Readonly<Record<number, string>> = {
  [enums.WorkerStatus.RUNNING]: "Running",
  [enums.WorkerStatus.SHUTTING_DOWN]: "ShuttingDown",
  [enums.WorkerStatus.SHUTDOWN]: "Shutdown",
};

const status: Field = { type: "text", read: (worker) => statusNames[worker.status] };

const fields: Readonly<Record<string, Field>> = {
  WorkerInstanceKey: { type: "text", read: (worker) => worker.workerInstanceKey },
  WorkerIdentity: { type: "text", read: (worker) => worker.workerIdentity },
  HostName: { type: "text", read: (worker) => worker.hostInfo?.hostName },
  TaskQueue: { type: "text", read: (worker) => worker.taskQueue },
  DeploymentName: { type: "text", read: (worker) => worker.deploymentVersion?.deploymentName },
  BuildId: { type: "text", read: (worker) => worker.deploymentVersion?.buildId },
  SdkName: { type: "text", read: (worker) => worker.sdkName },
  SdkVersion: { type: "text", read: (worker) => worker.sdkVersion },
  StartTime: { type: "time", read: (worker) => worker.startTime && timestampMs(worker.startTime) },
  HeartbeatTime: { type: "time", read: (worker) => worker.heartbeatTime && timestampMs(worker.heartbeatTime) },
  WorkerStatus: status,
  Status: status,
};

/** Throws `QueryError`. */
export function workerPredicate(query: string): (heartbeat: Heartbeat) => boolean {
  const { where, groupBy, orderBy } = parseQuery(query);
  if (groupBy.length > 0) throw notSupported("'GROUP BY' clause");
  if (orderBy.length > 0) throw notSupported("'ORDER BY' clause");
  if (!where) return () => true;
  const predicate = predicateOf(where);
  return (heartbeat) => predicate(heartbeat) === true;
}

function predicateOf(expression: Expression): Predicate {
  if (expression.type === "not") return negated(predicateOf(expression.of));
  if (expression.type !== "and" && expression.type !== "or") return termPredicate(expression);
  const all = expression.all.map(predicateOf);
  const decisive = expression.type === "or";
  return (heartbeat) => {
    let truth: Truth = !decisive;
    for (const one of all) {
      const value = one(heartbeat);
      if (value === decisive) return decisive;
      if (value === null) truth = null;
    }
    return truth;
  };
}

function negated(predicate: Predicate): Predicate {
  return (heartbeat) => {
    const truth = predicate(heartbeat);
    return truth === null ? null : !truth;
  };
}

function termPredicate(term: Term): Predicate {
  const field = Object.hasOwn(fields, term.name) ? fields[term.name] : undefined;
  if (!field) throw new QueryError(`invalid expression: column name '${term.name}' is not a worker attribute`);
  const known = (test: (value: Value) => boolean): Predicate => {
    return (heartbeat) => {
      const value = field.read(heartbeat);
      return value === undefined ? null : test(value);
    };
  };
  const read = (literal: Literal) => readLiteral(field, term.name, literal);
  const tested = () => {
    switch (term.type) {
      case "compare": {
        const right = read(term.value);
        return known((left) => compares[term.operator](left, right));
      }
      case "in": {
        const values = term.values.map(read);
        return known((left) => values.includes(left));
      }
      case "between": {
        const [low, high] = [read(term.low), read(term.high)];
        return known((left) => left >= low && left <= high);
      }
      case "startsWith": {
        const prefix = String(read(term.prefix));
        return known((left) => String(left).startsWith(prefix));
      }
      case "isNull":
        return (heartbeat: Heartbeat) => field.read(heartbeat) === undefined;
      default:
        return term satisfies never;
    }
  };
  return "not" in term && term.not ? negated(tested()) : tested();
}

const compares: Readonly<Record<Comparison, (left: Value, right: Value) => boolean>> = {
  "=": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};

function readLiteral(field: Field, name: string, literal: Literal): Value {
  if (literal.type === "text") {
    const value = field.type === "text" ? literal.value : parseTime(literal.value);
    if (value !== undefined) return value;
    throw new QueryError(`invalid expression: unable to parse datetime '${literal.value}'`);
  }
  throw new QueryError(`invalid expression: invalid value type for worker attribute ${name}: ${literal.value}`);
}
