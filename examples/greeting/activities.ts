/** What talks to the world is an activity; this one only to itself. */
export async function greet(name: string): Promise<string> {
  return `Hello, ${name}!`;
}
