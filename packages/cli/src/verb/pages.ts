/** Lists that a server gives page by page. */
import type { Init, MethodName, RequestOf, ResponseOf } from "@pawl/sdk/proto";
import type { Json } from "../output/json.ts";
import type { PayloadForm, Session } from "../session.ts";

interface Limits {
  readonly limit: number | undefined;
  readonly pageSize: number | undefined;
}

interface Page {
  readonly pageSize: number;
  /** Empty = the first. */
  readonly nextPageToken: Uint8Array;
}

/** The methods that answer page by page. */
type ListMethod = {
  [N in MethodName]: ResponseOf<N> extends Pick<Page, "nextPageToken"> ? N : never;
}[MethodName];

interface Listing<N extends ListMethod> extends PayloadForm {
  readonly method: N;
  /** The field of the answer that holds what is listed. */
  readonly items: keyof ResponseOf<N>;
  readonly request: (page: Page) => Init<RequestOf<N>>;
}

const pageSizeDefault = 100;

/** Ends after `limit` items, or when the server has no more. */
export async function* pagesOf<N extends ListMethod>(
  session: Session,
  { limit = Number.POSITIVE_INFINITY, pageSize = pageSizeDefault }: Partial<Limits>,
  { method, items, request, ...form }: Listing<N>,
): AsyncGenerator<readonly Json[]> {
  let nextPageToken: Uint8Array = new Uint8Array();
  for (let left = limit; left > 0; ) {
    const answer = await session.call(method, request({ pageSize: Math.min(pageSize, left), nextPageToken }));
    const found: readonly Json[] = (await session.json(method, answer, form))[items] ?? [];
    yield found.slice(0, left);
    left -= found.length;
    ({ nextPageToken } = answer as Page);
    if (nextPageToken.length === 0) return;
  }
}

/** What is there at once, as the one page of a list. */
export async function* onePage(items: readonly Json[]): AsyncGenerator<readonly Json[]> {
  yield items;
}
