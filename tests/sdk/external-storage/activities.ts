export async function longer(text: string): Promise<string> {
  return `${text}, and longer`;
}
