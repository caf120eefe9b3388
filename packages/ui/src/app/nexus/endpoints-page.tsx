/** Nexus endpoints: names by which workflows call operations elsewhere. They are the whole server's, not a namespace's. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { endpointsRoute } from "../addresses.ts";
import {
  createEndpoint,
  deleteEndpoint,
  type Endpoint,
  type EndpointSpec,
  listEndpoints,
  updateEndpoint,
} from "../api/nexus-endpoints.ts";
import { shownPayload } from "../api/payload.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";
import type { Column } from "../parts/table.tsx";
import { useDialog } from "../parts/use-dialog.ts";

type Dialog =
  | { readonly type: "create" }
  | { readonly type: "edit"; readonly endpoint: Endpoint }
  | { readonly type: "delete"; readonly endpoint: Endpoint };

const refreshMs = 5_000;

export function EndpointsPage() {
  const { after } = endpointsRoute.useSearch();
  const list = useQuery({
    queryKey: ["nexus-endpoints", after],
    queryFn: ({ signal }) => listEndpoints(after, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  const dialog = useDialog<Dialog>(["nexus-endpoints"]);
  const columns = useMemo(() => [...factColumns, actionColumn(dialog.show)], [dialog.show]);
  return (
    <>
      <ListPage
        title="Nexus endpoints"
        actions={
          <button type="button" onClick={() => dialog.show({ type: "create" })}>
            Create an endpoint
          </button>
        }
        list={list}
        rows={list.data?.endpoints ?? []}
        keyOf={({ id }) => id}
        columns={columns}
        empty={
          <Empty title="No Nexus endpoints">
            <p>
              An endpoint is a name by which workflows call operations of another namespace, or of an address elsewhere.
            </p>
          </Empty>
        }
        after={after}
        next={list.data?.nextPageToken}
      />
      {dialog.open?.type === "create" && <EndpointDialog before={undefined} onClose={dialog.close} />}
      {dialog.open?.type === "edit" && <EndpointDialog before={dialog.open.endpoint} onClose={dialog.close} />}
      {dialog.open?.type === "delete" && <DeleteDialog endpoint={dialog.open.endpoint} onClose={dialog.close} />}
    </>
  );
}

const factColumns: readonly Column<Endpoint>[] = [
  { title: "Endpoint", cell: ({ spec }) => spec.name, value: ({ spec }) => spec.name, look: "breakable" },
  { title: "Leads to", cell: ({ spec }) => <Target target={spec.target} />, look: "breakable" },
  {
    title: "Description",
    cell: ({ spec }) => {
      const said = shownPayload(spec.description);
      return typeof said === "string" ? said : <span className="faint">–</span>;
    },
    look: "breakable",
  },
  { title: "Made", cell: ({ createdTime }) => <Moment at={createdTime} />, value: ({ createdTime }) => createdTime },
  {
    title: "Changed",
    cell: ({ lastModifiedTime }) => <Moment at={lastModifiedTime} />,
    value: ({ lastModifiedTime }) => lastModifiedTime,
  },
];

function Target({ target }: { readonly target: EndpointSpec["target"] }) {
  if (!target?.worker) return target?.external?.url;
  const { namespace, taskQueue } = target.worker;
  return (
    <>
      <Link to="/namespaces/$namespace/task-queues/$taskQueue" params={{ namespace, taskQueue }}>
        {taskQueue}
      </Link>{" "}
      <span className="faint">in {namespace}</span>
    </>
  );
}

function actionColumn(onDialog: (dialog: Dialog) => void): Column<Endpoint> {
  return {
    id: "actions",
    title: "",
    cell: (endpoint) => (
      <>
        <button type="button" className="quiet" onClick={() => onDialog({ type: "edit", endpoint })}>
          Edit<span className="hidden"> {endpoint.spec.name}</span>
        </button>
        <button type="button" className="quiet" onClick={() => onDialog({ type: "delete", endpoint })}>
          Delete<span className="hidden"> {endpoint.spec.name}</span>
        </button>
      </>
    ),
    look: "row-actions",
  };
}

interface DialogProps {
  /** `undefined`: it is to be made. */
  readonly before: Endpoint | undefined;
  readonly onClose: () => void;
}

function EndpointDialog({ before, onClose }: DialogProps) {
  const { name = "", target, description } = before?.spec ?? {};
  const said = shownPayload(description);
  const [isOutside, setOutside] = useState(target?.external !== undefined);
  const specOf = (fields: FormData): EndpointSpec => {
    const words = textField(fields, "description");
    const worker = { namespace: textField(fields, "namespace"), taskQueue: textField(fields, "taskQueue") };
    return {
      name: textField(fields, "name"),
      ...(words !== "" && { description: words }),
      target: isOutside ? { external: { url: textField(fields, "url") } } : { worker },
    };
  };
  const command = (fields: FormData) => {
    const spec = specOf(fields);
    return pawlCommand(["operator", "nexus", "endpoint", before ? "update" : "create"], {
      ...{ name: spec.name, description: textField(fields, "description"), "target-url": spec.target?.external?.url },
      ...{ "target-namespace": spec.target?.worker?.namespace, "target-task-queue": spec.target?.worker?.taskQueue },
    });
  };
  return (
    <FormDialog
      title={before ? `Edit ${name}` : "Create an endpoint"}
      action={before ? "Save" : "Create"}
      command={command}
      onClose={onClose}
      onSubmit={(fields) => (before ? updateEndpoint(before, specOf(fields)) : createEndpoint(specOf(fields)))}
    >
      <TextField label="Name" name="name" defaultValue={name} required />
      <label className="check-field">
        <input type="checkbox" checked={isOutside} onChange={(event) => setOutside(event.target.checked)} /> It leads to
        an address elsewhere
      </label>
      {isOutside ? (
        <TextField
          {...{ label: "URL", name: "url", type: "url", required: true }}
          defaultValue={target?.external?.url ?? ""}
          hint="This server calls it only if it was started with --call-outside for it."
        />
      ) : (
        <>
          <TextField
            {...{ label: "Namespace of its workers", name: "namespace", required: true }}
            defaultValue={target?.worker?.namespace ?? "default"}
          />
          <TextField
            {...{ label: "Task queue of its workers", name: "taskQueue", required: true }}
            defaultValue={target?.worker?.taskQueue ?? ""}
          />
        </>
      )}
      <TextField label="Description" name="description" defaultValue={typeof said === "string" ? said : ""} />
    </FormDialog>
  );
}

function DeleteDialog({ endpoint, onClose }: { readonly endpoint: Endpoint; readonly onClose: () => void }) {
  const { name } = endpoint.spec;
  return (
    <FormDialog
      title={`Delete ${name}?`}
      action="Delete"
      isDangerous
      command={pawlCommand(["operator", "nexus", "endpoint", "delete"], { name })}
      onClose={onClose}
      onSubmit={() => deleteEndpoint(endpoint)}
    >
      <p>Workflows that call it from now on are told that it is not there.</p>
    </FormDialog>
  );
}
