/** Starts a workflow, from nothing or like another one. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ComponentProps, type FormEvent, useState } from "react";
import { startRoute } from "../addresses.ts";
import { firstEvent, identity, startWorkflow } from "../api/workflows.ts";
import { decodedMessage } from "../codec/decode.ts";
import { attributesOf } from "../history/event.ts";
import { CommandView } from "../parts/command-view.tsx";
import { ChoiceField, TextField } from "../parts/form/field.tsx";
import { InputsField } from "../parts/form/inputs-field.tsx";
import { JsonEditor } from "../parts/json/json-editor.tsx";
import { useTitle } from "../parts/list-page.tsx";
import { MissingWorkflow } from "../parts/missing.tsx";
import { Loading, Problem } from "../parts/notice.tsx";
import {
  conflictPolicies,
  emptyForm,
  formLike,
  reusePolicies,
  type StartForm,
  startBody,
  startCommand,
} from "./form.ts";

export function StartPage() {
  const { namespace } = startRoute.useParams();
  const { like, run = "", taskQueue = "" } = startRoute.useSearch();
  useTitle("Start a workflow");
  const model = useQuery({
    queryKey: ["first-event", namespace, like, run],
    queryFn: async ({ signal }) => {
      const event = await firstEvent({ namespace, workflowId: like ?? "", runId: run }, signal);
      // What cannot be decoded stays as it is, and is sent as it is.
      return event && ((await decodedMessage(namespace, event).catch(() => event)) as typeof event);
    },
    enabled: like !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div className="page narrow">
      <nav aria-label="Breadcrumb" className="crumbs">
        <Link to="/namespaces/$namespace/workflows" params={{ namespace }}>
          Workflows
        </Link>
      </nav>
      <h1 className="breakable">{like === undefined ? "Start a workflow" : `Start one like ${like}`}</h1>
      {like === undefined ? (
        <Form namespace={namespace} initial={{ ...emptyForm, taskQueue }} />
      ) : model.error ? (
        <Problem
          error={model.error}
          onRetry={model.refetch}
          missing={<MissingWorkflow workflowId={like} runId={run} />}
        />
      ) : model.data ? (
        <Form namespace={namespace} initial={formLike(attributesOf(model.data))} />
      ) : (
        <Loading what={like} />
      )}
    </div>
  );
}

function Form({ namespace, initial }: { readonly namespace: string; readonly initial: StartForm }) {
  const navigate = startRoute.useNavigate();
  const [form, setForm] = useState<StartForm>({ ...initial, workflowId: crypto.randomUUID() });
  const start = useMutation({
    mutationFn: async (asked: StartForm) => {
      const body = startBody(asked, { identity, requestId: crypto.randomUUID() });
      const { runId } = await startWorkflow(namespace, asked.workflowId, body);
      await navigate({
        to: "/namespaces/$namespace/workflows/$workflowId/$runId",
        params: { namespace, workflowId: asked.workflowId, runId },
      });
    },
  });
  const change = (changed: Partial<StartForm>) => {
    setForm({ ...form, ...changed });
    start.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    start.mutate(form);
  };
  const text: TextOf = (name) => ({
    ...{ name, value: String(form[name]), onChange: ({ target }) => change({ [name]: target.value }) },
  });
  return (
    <form className="long-form" onSubmit={submit}>
      <TextField label="Workflow type" {...text("workflowType")} required />
      <TextField label="Workflow id" {...text("workflowId")} required />
      <TextField label="Task queue" {...text("taskQueue")} required />
      <InputsField inputs={form.inputs} onChange={(inputs) => change({ inputs })} />
      <Limits text={text} />
      <Policies form={form} change={change} />
      <details open={form.memo !== "" || form.searchAttributes !== ""}>
        <summary>Memo, search attributes, summary</summary>
        <JsonEditor
          label="Memo, as a JSON object"
          name="memo"
          rows={3}
          value={form.memo}
          onChange={(memo) => change({ memo })}
        />
        <JsonEditor
          label="Search attributes, as a JSON object"
          name="search-attributes"
          rows={3}
          value={form.searchAttributes}
          onChange={(searchAttributes) => change({ searchAttributes })}
        />
        <TextField label="Summary, one line for people" {...text("summary")} />
      </details>
      <CommandView command={startCommand(namespace, form)} />
      {start.error && (
        <p className="refusal" role="alert">
          {start.error.message}
        </p>
      )}
      <div className="buttons">
        <button type="submit" className="primary" disabled={start.isPending}>
          Start
        </button>
      </div>
    </form>
  );
}

type TextOf = (name: keyof StartForm) => Pick<ComponentProps<typeof TextField>, "name" | "value" | "onChange">;

function Limits({ text }: { readonly text: TextOf }) {
  return (
    <details>
      <summary>Timeouts and times</summary>
      <div className="field-pair">
        <TextField label="Execution timeout" placeholder="such as 7d" {...text("executionTimeout")} />
        <TextField label="Run timeout" placeholder="such as 24h" {...text("runTimeout")} />
        <TextField label="Task timeout" placeholder="10s" {...text("taskTimeout")} />
        <TextField label="Start delay" placeholder="such as 30m" {...text("startDelay")} />
        <TextField label="Cron schedule" placeholder="such as 0 12 * * MON" {...text("cron")} />
      </div>
    </details>
  );
}

interface PoliciesProps {
  readonly form: StartForm;
  readonly change: (changed: Partial<StartForm>) => void;
}

function Policies({ form, change }: PoliciesProps) {
  return (
    <details>
      <summary>If there is one of this id</summary>
      <div className="field-pair">
        <ChoiceField
          {...{ label: "When it is closed", name: "reusePolicy", value: form.reusePolicy, choices: reusePolicies }}
          onChange={({ target }) => change({ reusePolicy: target.value as StartForm["reusePolicy"] })}
        />
        <ChoiceField
          {...{ label: "When it runs", name: "conflictPolicy", value: form.conflictPolicy, choices: conflictPolicies }}
          onChange={({ target }) => change({ conflictPolicy: target.value as StartForm["conflictPolicy"] })}
        />
      </div>
    </details>
  );
}
