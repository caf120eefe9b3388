import { condition, sleep } from "@pawl/sdk/workflow";
export async function waitsForever() {
  await sleep(77);
  await condition(() => false);
}
