/** What else is known of a run: ids, sizes, memo, search attributes. */
import { shownPayload } from "../api/payload.ts";
import type { Description } from "../api/workflows.ts";
import { useDecoded } from "../codec/decode.ts";
import { Fact } from "../parts/fact.tsx";
import { MessageView } from "../parts/json/payload-view.tsx";
import { Moment } from "../parts/moment.tsx";

/** What its starter says of it: a line, and some more. */
export function Said({ description }: { readonly description: Description }) {
  const metadata = useDecoded(description.executionConfig?.userMetadata).value as UserMetadata | undefined;
  const [summary, details] = [metadata?.summary, metadata?.details].map(shownPayload);
  return (
    <>
      {typeof summary === "string" && <p className="breakable">{summary}</p>}
      {typeof details === "string" && <pre className="said">{details}</pre>}
    </>
  );
}

type UserMetadata = NonNullable<Description["executionConfig"]>["userMetadata"];

export function Facts({ description }: { readonly description: Description }) {
  const info = description.workflowExecutionInfo;
  const memo = info.memo?.fields ?? {};
  const attributes = info.searchAttributes?.indexedFields ?? {};
  return (
    <section aria-labelledby="facts-title">
      <h2 id="facts-title">Details</h2>
      <dl className="facts">
        <Fact name="Run id">{info.execution.runId}</Fact>
        <Fact name="Events">{Number(info.historyLength ?? 0).toLocaleString()}</Fact>
        <Fact name="History size">{Number(info.historySizeBytes ?? 0).toLocaleString()} bytes</Fact>
        {info.closeTime && (
          <Fact name="Closed">
            <Moment at={info.closeTime} />
          </Fact>
        )}
      </dl>
      <div className="pair">
        <div>
          <h3>Memo</h3>
          {Object.keys(memo).length === 0 ? <p className="faint">none</p> : <MessageView message={memo} label="memo" />}
        </div>
        <div>
          <h3>Search attributes</h3>
          {Object.keys(attributes).length === 0 ? (
            <p className="faint">none</p>
          ) : (
            <MessageView message={attributes} label="search attributes" />
          )}
        </div>
      </div>
    </section>
  );
}
