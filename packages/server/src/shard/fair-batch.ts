/**
 * The next batch of an inbox. As long as all of it fits one commit, that is all of it. Beyond that namespaces take turns, so that one that floods a shard
 * makes itself wait and not the others. Within a namespace everything keeps its order.
 */
export interface Waiting {
  readonly key: { readonly namespaceId: string };
}

/** Takes them out of the inbox. */
export function takeBatch<Entry extends Waiting>(inbox: Entry[], max: number): Entry[] {
  if (inbox.length <= max) return inbox.splice(0);
  const lines = new Map<string, Entry[]>();
  for (const entry of inbox) {
    const { namespaceId } = entry.key;
    const line = lines.get(namespaceId);
    if (line) line.push(entry);
    else lines.set(namespaceId, [entry]);
  }
  if (lines.size === 1) return inbox.splice(0, max);
  const taken = new Set<Entry>();
  for (let turn = 0; taken.size < max; turn++)
    for (const line of lines.values()) {
      const entry = line[turn];
      if (entry !== undefined && taken.size < max) taken.add(entry);
    }
  const batch = inbox.filter((entry) => taken.has(entry));
  const rest = inbox.filter((entry) => !taken.has(entry));
  inbox.splice(0, inbox.length, ...rest);
  return batch;
}
