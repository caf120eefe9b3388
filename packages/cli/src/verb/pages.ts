/** Lists that a server gives page by page. */
import type { Json } from "../json.ts";

interface Limits {
  readonly limit: number | undefined;
  readonly pageSize: number | undefined;
}

interface Page {
  readonly items: readonly Json[];
  readonly nextPageToken: Uint8Array;
}

const pageSizeDefault = 100;

/** Ends after `limit` items, or when the server has no more. */
export async function* pagesOf(
  { limit = Number.POSITIVE_INFINITY, pageSize }: Partial<Limits>,
  read: (pageSize: number, nextPageToken: Uint8Array) => Promise<Page>,
): AsyncGenerator<readonly Json[]> {
  let nextPageToken: Uint8Array = new Uint8Array();
  for (let left = limit; left > 0; ) {
    const page = await read(Math.min(pageSize ?? pageSizeDefault, left), nextPageToken);
    yield page.items.slice(0, left);
    left -= page.items.length;
    nextPageToken = page.nextPageToken;
    if (nextPageToken.length === 0) return;
  }
}

/** What is there at once, as the one page of a list. */
export async function* onePage(items: readonly Json[]): AsyncGenerator<readonly Json[]> {
  yield items;
}
