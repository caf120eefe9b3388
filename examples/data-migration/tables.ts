/** The two tables of this example: people by one name each, in a file of JSON lines, and by two names, in a folder with a file for each chunk. */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface OldPerson {
  id: number;
  name: string;
}

export interface NewPerson {
  id: number;
  first: string;
  last: string;
}

export async function seedPeople(path: string, count: number): Promise<void> {
  const people = Array.from(
    { length: count },
    (_, i): OldPerson => ({ id: i + 1, name: `First${i + 1} Last${i + 1}` }),
  );
  await writeFile(path, people.map((person) => `${JSON.stringify(person)}\n`).join(""));
}

export async function readPeople(path: string): Promise<OldPerson[]> {
  return parseLines<OldPerson>(await readFile(path, "utf8"));
}

/** A chunk is there whole or not at all, and the same chunk written twice is there once. */
export async function writeChunk(folder: string, people: readonly NewPerson[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${String(people[0]?.id).padStart(9, "0")}.jsonl`);
  await writeFile(`${path}.part`, people.map((person) => `${JSON.stringify(person)}\n`).join(""));
  await rename(`${path}.part`, path);
}

export async function readMigrated(folder: string): Promise<NewPerson[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".jsonl")).sort();
  const chunks = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return chunks.flatMap((text) => parseLines<NewPerson>(text));
}

function parseLines<T>(text: string): T[] {
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as T]));
}
