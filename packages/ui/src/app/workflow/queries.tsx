/** What the run's own code answers: its queries, and where it stands. A worker has to be there to run it. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { queryWorkflow, type RunAddress } from "../api/workflows.ts";
import { decodedValue } from "../codec/decode.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { CommandView } from "../parts/command-view.tsx";
import { jsonField, textField } from "../parts/form/form-dialog.tsx";
import { SuggestField } from "../parts/form/suggest-field.tsx";
import { PayloadsView } from "../parts/json/payload-view.tsx";
import { readDefinitions } from "./definitions.ts";

const stackTrace = "__stack_trace";

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
  const names = useQuery({
    queryKey: ["definitions", address],
    queryFn: () => readDefinitions(address),
    staleTime: 60_000,
  });
  const query = useMutation({
    mutationFn: async (fields: FormData) => {
      const input = jsonField(fields, "input");
      return queryWorkflow(address, textField(fields, "name"), input === undefined ? [] : [input]);
    },
  });
  const [command, setCommand] = useState<string | undefined>();
  const tell = (event: FormEvent<HTMLFormElement>) => {
    const fields = new FormData(event.currentTarget);
    const [name, input] = [textField(fields, "name"), textField(fields, "input")];
    const ids = { namespace: address.namespace, "workflow-id": address.workflowId, "run-id": address.runId };
    setCommand(name === "" ? undefined : pawlCommand(["workflow", "query"], { ...ids, name, input }));
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    query.mutate(new FormData(event.currentTarget));
  };
  return (
    <>
      <form className="query-form" onSubmit={submit} onInput={tell}>
        <SuggestField label="Query" isLabelHidden name="name" suggestions={names.data?.queries ?? []} />
        <input name="input" placeholder="Input, as JSON" aria-label="Input of the query, as JSON" spellCheck={false} />
        <button type="submit" disabled={query.isPending}>
          {query.isPending ? "Asking…" : "Ask"}
        </button>
      </form>
      {command !== undefined && <CommandView command={command} />}
      {query.error && (
        <p className="refusal" role="alert">
          {query.error.message}
        </p>
      )}
      {query.data && <PayloadsView values={query.data.queryResult} label="answer" />}
    </>
  );
}

function CallStack({ address }: { readonly address: RunAddress }) {
  const stack = useQuery({
    queryKey: ["stack", address],
    queryFn: async () => {
      const { queryResult } = await queryWorkflow(address, stackTrace, []);
      return (await decodedValue(address.namespace, queryResult?.[0])) ?? "";
    },
  });
  const text = stack.data;
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
