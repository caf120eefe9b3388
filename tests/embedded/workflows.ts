import {
  condition,
  defineSignal,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
} from "@pawl/sdk/workflow";

const { greet } = proxyActivities<{ greet(name: string): Promise<string> }>({ startToCloseTimeout: "10 seconds" });

export const nameUpdate = defineUpdate<string, [string]>("name");
export const goSignal = defineSignal("go");

/** Ends when it has been given a name and told to go on. */
export async function greeting(): Promise<string> {
  let name: string | undefined;
  let goes = false;
  setHandler(nameUpdate, (given) => {
    name = given;
    return `you are ${given}`;
  });
  setHandler(goSignal, () => {
    goes = true;
  });
  await condition(() => name !== undefined && goes);
  return await greet(name!);
}

export async function waiting(): Promise<void> {
  await condition(() => false);
}

const local = proxyLocalActivities<{ greet(name: string): Promise<string> }>({ startToCloseTimeout: "10 seconds" });

export async function greetingLocally(name: string): Promise<string> {
  return await local.greet(name);
}
