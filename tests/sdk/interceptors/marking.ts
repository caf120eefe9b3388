/** Interceptors that mark whatever passes, from both sides, so that a test sees that each was there. */
import { defaultPayloadConverter, type Headers, type WorkflowInterceptors, workflowInfo } from "@pawl/sdk/workflow";

const header = (text: string): Headers => ({ mark: defaultPayloadConverter.toPayload(text) });
const marked = (headers: Headers) =>
  headers["mark"] ? defaultPayloadConverter.fromPayload<string>(headers["mark"]) : "unmarked";
const withMark = <T extends { headers: Headers }>(input: T, text: string): T => ({ ...input, headers: header(text) });

export const interceptors = (): WorkflowInterceptors => {
  const { workflowType } = workflowInfo();
  return {
    inbound: [
      {
        async execute(input, next) {
          const result = await next(input);
          return Array.isArray(result) ? [`started by ${marked(input.headers)}`, ...result] : result;
        },
        handleSignal: (input, next) =>
          next({ ...input, args: [`${input.args[0]} signalled by ${marked(input.headers)}`] }),
        async handleQuery(input, next) {
          const answer = (await next({ ...input, args: [`asked by ${marked(input.headers)}`] })) as string[];
          return [...answer, "answered"];
        },
        validateUpdate: (input, next) => next({ ...input, args: [`${input.args[0]} seen`] }),
        handleUpdate: async (input, next) =>
          `${await next({ ...input, args: [`update by ${marked(input.headers)}`] })}, done`,
      },
    ],
    outbound: [
      {
        scheduleActivity: async (input, next) => `${await next(withMark(input, workflowType))} (scheduled)`,
        scheduleLocalActivity: async (input, next) => `${await next(withMark(input, workflowType))} (scheduled)`,
        startTimer: (input, next) =>
          next({ ...input, durationMs: input.durationMs + 1, options: { summary: "marked" } }),
        startChildWorkflowExecution: async (input, next) => {
          const [started, completed] = await next(
            withMark({ ...input, options: { ...input.options, args: ["x"] } }, "parent"),
          );
          return [started, completed.then((result) => `child gave ${result}`)];
        },
        signalWorkflow: (input, next) => next(withMark(input, "itself")),
        continueAsNew: (input, next) => next(withMark(input, "continue-as-new")),
        getLogAttributes: (input, next) => ({ ...next(input), added: "by outbound" }),
        getMetricTags: (input, next) => ({ ...next(input), added: "tag" }),
      },
    ],
    internals: [
      {
        concludeActivation: (input, next) => next(input),
        activate: (input, next) => next(input),
      },
    ],
  };
};
