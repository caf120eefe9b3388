/** What workflows can be filtered by, and how a value of each type is typed and written. */

const attributeTypes = ["Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"] as const;
export type AttributeType = (typeof attributeTypes)[number];

export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
  readonly isCustom: boolean;
}

/** Those that people filter by most come first. */
const builtIn: readonly (readonly [string, AttributeType])[] = [
  ["WorkflowType", "Keyword"],
  ["WorkflowId", "Keyword"],
  ["ExecutionStatus", "Keyword"],
  ["StartTime", "Datetime"],
  ["CloseTime", "Datetime"],
  ["TaskQueue", "Keyword"],
  ["PawlRetryingActivities", "KeywordList"],
  ["PawlStuckReasons", "KeywordList"],
  ["RunId", "Keyword"],
  ["ParentWorkflowId", "Keyword"],
  ["RootWorkflowId", "Keyword"],
  ["ExecutionTime", "Datetime"],
  ["ExecutionDuration", "Int"],
  ["HistoryLength", "Int"],
  ["HistorySizeBytes", "Int"],
  ["BuildIds", "KeywordList"],
  ["TemporalScheduledById", "Keyword"],
  ["TemporalReportedProblems", "KeywordList"],
  ["TemporalPauseInfo", "KeywordList"],
  ["TemporalWorkerDeploymentVersion", "Keyword"],
  ["TemporalWorkflowVersioningBehavior", "Keyword"],
];

/** `custom`: name to type, as the API lists them (`INDEXED_VALUE_TYPE_KEYWORD`). */
export function attributesOf(custom: Readonly<Record<string, string>>): Attribute[] {
  const own = Object.entries(custom).map(([name, type]) => ({ name, type: typeOf(type), isCustom: true }));
  own.sort((a, b) => a.name.localeCompare(b.name));
  return [...builtIn.map(([name, type]) => ({ name, type, isCustom: false })), ...own];
}

function typeOf(wire: string): AttributeType {
  const name = wire.replace("INDEXED_VALUE_TYPE_", "").replaceAll("_", "").toLowerCase();
  return attributeTypes.find((type) => type.toLowerCase() === name) ?? "Keyword";
}

export const operators = ["=", "!=", ">", ">=", "<", "<=", "STARTS_WITH", "IN", "IS NULL", "IS NOT NULL"] as const;
export type Operator = (typeof operators)[number];

const ordered = ["=", "!=", ">", ">=", "<", "<=", "IS NULL", "IS NOT NULL"] as const;

const operatorsByType: Readonly<Record<AttributeType, readonly Operator[]>> = {
  Text: ["=", "!=", "IS NULL", "IS NOT NULL"],
  Keyword: ["=", "!=", "IN", "STARTS_WITH", "IS NULL", "IS NOT NULL"],
  KeywordList: ["=", "!=", "IN", "IS NULL", "IS NOT NULL"],
  Int: ordered,
  Double: ordered,
  Datetime: [">=", "<=", ">", "<", "=", "!=", "IS NULL", "IS NOT NULL"],
  Bool: ["=", "!=", "IS NULL", "IS NOT NULL"],
};

export function operatorsOf(type: AttributeType): readonly Operator[] {
  return operatorsByType[type];
}

const labels: Readonly<Record<Operator, string>> = {
  ...{ "=": "is", "!=": "is not", ">": "is more than", ">=": "is at least", "<": "is less than", "<=": "is at most" },
  ...{ STARTS_WITH: "begins with", IN: "is one of", "IS NULL": "is not set", "IS NOT NULL": "is set" },
};

const timeLabels: Readonly<Partial<Record<Operator, string>>> = {
  ...{ ">": "is after", ">=": "is from", "<": "is before", "<=": "is up to" },
};

export function operatorLabel(operator: Operator, type: AttributeType): string {
  return (type === "Datetime" ? timeLabels[operator] : undefined) ?? labels[operator];
}

/** Whether values of the type stand in quotes. */
export function isQuotedType(type: AttributeType): boolean {
  return type !== "Int" && type !== "Double" && type !== "Bool";
}
