import { type Failure, failureText } from "../api/failure.ts";
import { attributesOf, eventTitle, type HistoryEvent, typeOf } from "../history/event.ts";
import { MessageView, PayloadsView } from "../parts/json/payload-view.tsx";

export function InputAndResult({
  events,
  isOpen,
}: {
  readonly events: readonly HistoryEvent[];
  readonly isOpen: boolean;
}) {
  const first = events[0];
  if (!first) return null;
  const last = events.at(-1)!;
  return (
    <div className="pair">
      <section aria-labelledby="input-title">
        <h2 id="input-title">Input</h2>
        <PayloadsView values={attributesOf(first)["input"]} label="input" />
      </section>
      <section aria-labelledby="result-title">
        <h2 id="result-title">Result</h2>
        {isOpen ? <p className="faint">It has not ended.</p> : <Outcome event={last} />}
      </section>
    </div>
  );
}

function Outcome({ event }: { readonly event: HistoryEvent }) {
  const attributes = attributesOf(event);
  const failure = attributes["failure"] as Failure | undefined;
  if (failure)
    return (
      <>
        <p className="refusal breakable">{failureText(failure)}</p>
        <details>
          <summary>The whole failure</summary>
          <MessageView message={failure} label="failure" />
        </details>
      </>
    );
  if (typeOf(event) === "WORKFLOW_EXECUTION_COMPLETED")
    return <PayloadsView values={attributes["result"]} label="result" />;
  const reason = attributes["reason"];
  return (
    <p className="breakable">
      {eventTitle(event)}
      {typeof reason === "string" && reason !== "" && `: ${reason}`}
    </p>
  );
}
