import type { Patient } from "./workflows.ts";

export async function prescribe({ name, diagnosis }: Patient): Promise<string | undefined> {
  return diagnosis === "cough" ? `honey for ${name}` : undefined;
}
