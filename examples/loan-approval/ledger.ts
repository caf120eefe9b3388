/** A folder that remembers what was done under which key. The first to write a key wins; everyone else gets what it wrote. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = process.env["LOAN_LEDGER"] ?? join(tmpdir(), "pawl-loan-approval");

/** `make` is called when nothing stands under the key; of two that race, both may be called and one counts. */
export async function once<T>(key: string, make: () => Promise<T>): Promise<T> {
  const path = join(folder, `${encodeURIComponent(key)}.json`);
  const known = await read<T>(path);
  if (known !== undefined) return known;
  const made = await make();
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(path, JSON.stringify(made), { flag: "wx" });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return (await read<T>(path)) ?? made;
  }
}

async function read<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
