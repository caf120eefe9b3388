/** `@pawl/testing`: what tests of workflows and activities need. */

export {
  defaultActivityInfo,
  MockActivityEnvironment,
  type MockActivityEnvironmentOptions,
} from "./activity-environment.ts";
export {
  type EnvironmentOptions,
  type ExistingServerOptions,
  TestWorkflowEnvironment,
} from "./environment.ts";
