/** What the run's own code answers: its queries, and where it stands. A worker has to be there to run it. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { shownPayload, shownPayloads } from "../api/payload.ts";
import { queryWorkflow, type RunAddress } from "../api/workflows.ts";
import { jsonField, textField } from "../parts/form-dialog.tsx";
import { JsonView } from "../parts/json-view.tsx";

const stackTrace = "__stack_trace";
const metadata = "__temporal_workflow_metadata";

export function Queries({ address, isOpen }: { readonly address: RunAddress; readonly isOpen: boolean }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <details className="panel" onToggle={(event) => setAsked(event.currentTarget.open)}>
      <summary>Queries{isOpen && " and call stack"}</summary>
      {isAsked && <QueryForm address={address} />}
      {isAsked && isOpen && <CallStack address={address} />}
    </details>
  );
}

function QueryForm({ address }: { readonly address: RunAddress }) {
  const listId = useId();
  const names = useQuery({ queryKey: ["query-names", address], queryFn: () => queryNames(address), staleTime: 60_000 });
  const query = useMutation({
    mutationFn: async (fields: FormData) => {
      const input = jsonField(fields, "input");
      return queryWorkflow(address, textField(fields, "name"), input === undefined ? [] : [input]);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    query.mutate(new FormData(event.currentTarget));
  };
  return (
    <>
      <form className="query-form" onSubmit={submit}>
        <input name="name" required list={listId} placeholder="Name of a query" aria-label="Query" />
        <datalist id={listId}>
          {(names.data ?? []).map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <input name="input" placeholder="Input, as JSON" aria-label="Input of the query, as JSON" spellCheck={false} />
        <button type="submit" disabled={query.isPending}>
          {query.isPending ? "Asking…" : "Ask"}
        </button>
      </form>
      {query.error && (
        <p className="refusal" role="alert">
          {query.error.message}
        </p>
      )}
      {query.data && <JsonView value={shownPayloads(query.data.queryResult)} label="answer" />}
    </>
  );
}

/** The names that the workflow's code has given handlers; none where its SDK does not say. */
async function queryNames(address: RunAddress): Promise<readonly string[]> {
  const { queryResult } = await queryWorkflow(address, metadata, []);
  const known = shownPayload(queryResult?.[0]) as
    | { definition?: { queryDefinitions?: { name?: string }[] } }
    | undefined;
  return (known?.definition?.queryDefinitions ?? [])
    .map(({ name = "" }) => name)
    .filter((name) => !name.startsWith("__"));
}

function CallStack({ address }: { readonly address: RunAddress }) {
  const stack = useQuery({ queryKey: ["stack", address], queryFn: () => queryWorkflow(address, stackTrace, []) });
  const text = shownPayload(stack.data?.queryResult?.[0]);
  return (
    <>
      <div className="title">
        <h3>Where its code stands</h3>
        <button type="button" onClick={() => void stack.refetch()} disabled={stack.isFetching}>
          Ask again
        </button>
      </div>
      {stack.error ? (
        <p className="refusal" role="alert">
          {stack.error.message}
        </p>
      ) : stack.isPending ? (
        <p className="faint">Asking a worker…</p>
      ) : (
        <pre className="stack">
          {typeof text === "string" && text !== "" ? text : "It stands nowhere: it has ended, or waits for nothing."}
        </pre>
      )}
    </>
  );
}
