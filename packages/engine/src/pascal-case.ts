/** `COMPLETE_WORKFLOW_EXECUTION` as `CompleteWorkflowExecution`: how messages to people name members of enums. */
export function pascalCase(name: string): string {
  return name.toLowerCase().replace(/(^|_)([a-z])/g, (_match, _gap, letter: string) => letter.toUpperCase());
}
