/** What every workflow of the torture test does, agreed between the load and the check. */
export const order = { steps: 3, signals: 3 } as const;
