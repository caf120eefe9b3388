/** What every workflow of the torture test does, agreed between the load, the workers of each language and the check. */
export const order = { steps: 3, signals: 3 } as const;

export const queueOf = (language: string) => `torture-${language}`;

/** Ids say whose workers have the workflow. */
export const workflowIdOf = (language: string, line: number, count: number) => `torture-${language}-${line}-${count}`;

export const languageOf = (workflowId: string) => workflowId.split("-")[1] ?? "";
