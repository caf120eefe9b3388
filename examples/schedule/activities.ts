export async function writeReport(kind: string, at: string): Promise<string> {
  return `${kind} report for ${at}`;
}
