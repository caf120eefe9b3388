/** Namespaces: each has its own workflows, and keeps them for its own time. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { namespacesRoute } from "../addresses.ts";
import { createNamespace, type Namespace, namespacePage, updateNamespace } from "../api/namespaces.ts";
import { spanText } from "../history/timeline.ts";
import { type Flag, pawlCommand } from "../parts/command-line.ts";
import { enumWord } from "../parts/enum-word.ts";
import { TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { ListPage } from "../parts/list-page.tsx";
import { Empty } from "../parts/notice.tsx";
import type { Column } from "../parts/table.tsx";
import { useDialog } from "../parts/use-dialog.ts";

const refreshMs = 5_000;
const daySeconds = 86_400;

export function NamespacesPage() {
  const { after } = namespacesRoute.useSearch();
  const list = useQuery({
    queryKey: ["namespaces", "page", after],
    queryFn: ({ signal }) => namespacePage(after, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  const dialog = useDialog<"create" | Namespace>(["namespaces"]);
  const columns = useMemo(() => [...factColumns, editColumn(dialog.show)], [dialog.show]);
  return (
    <>
      <ListPage
        title="Namespaces"
        actions={
          <button type="button" onClick={() => dialog.show("create")}>
            Create a namespace
          </button>
        }
        list={list}
        rows={list.data?.namespaces ?? []}
        keyOf={({ namespaceInfo }) => namespaceInfo.name}
        columns={columns}
        empty={<Empty title="No namespaces" />}
        after={after}
        next={list.data?.nextPageToken}
      />
      {dialog.open && (
        <NamespaceDialog before={dialog.open === "create" ? undefined : dialog.open} onClose={dialog.close} />
      )}
    </>
  );
}

const factColumns: readonly Column<Namespace>[] = [
  {
    title: "Namespace",
    cell: ({ namespaceInfo: { name } }) => (
      <Link to="/namespaces/$namespace/workflows" params={{ namespace: name }} data-shortcut="row">
        {name}
      </Link>
    ),
    value: ({ namespaceInfo }) => namespaceInfo.name,
    look: "breakable",
  },
  {
    title: "State",
    cell: ({ namespaceInfo }) => enumWord(namespaceInfo.state, "NAMESPACE_STATE_"),
    value: ({ namespaceInfo }) => namespaceInfo.state,
  },
  {
    title: "Description",
    cell: ({ namespaceInfo }) => namespaceInfo.description || <span className="faint">–</span>,
    look: "breakable",
  },
  {
    title: "Owner",
    cell: ({ namespaceInfo }) => namespaceInfo.ownerEmail || <span className="faint">–</span>,
    value: ({ namespaceInfo }) => namespaceInfo.ownerEmail || undefined,
    look: "breakable",
  },
  {
    title: "Keeps closed workflows for",
    cell: (namespace) => spanText(retentionSeconds(namespace) * 1_000),
    value: retentionSeconds,
  },
];

function editColumn(onEdit: (namespace: Namespace) => void): Column<Namespace> {
  return {
    id: "actions",
    title: "",
    cell: (namespace) => (
      <button type="button" className="quiet" onClick={() => onEdit(namespace)}>
        Edit<span className="hidden"> {namespace.namespaceInfo.name}</span>
      </button>
    ),
  };
}

function retentionSeconds({ config }: Namespace): number {
  return Number.parseFloat(config?.workflowExecutionRetentionTtl ?? "0");
}

interface DialogProps {
  /** `undefined`: it is to be made. */
  readonly before: Namespace | undefined;
  readonly onClose: () => void;
}

function NamespaceDialog({ before, onClose }: DialogProps) {
  const info = before?.namespaceInfo;
  const nameOf = (fields: FormData) => info?.name ?? textField(fields, "name");
  const daysOf = (fields: FormData) => Number(textField(fields, "days"));
  const command = (fields: FormData) => {
    const flags: Record<string, Flag> = {
      ...{ name: nameOf(fields), description: textField(fields, "description"), email: textField(fields, "owner") },
      retention: `${daysOf(fields)}d`,
    };
    return pawlCommand(["namespace", before ? "update" : "create"], flags);
  };
  const submit = (fields: FormData) => {
    const draft = {
      ...{ description: textField(fields, "description"), ownerEmail: textField(fields, "owner") },
      retention: `${Math.round(daysOf(fields) * daySeconds)}s`,
    };
    return before ? updateNamespace(nameOf(fields), draft) : createNamespace(nameOf(fields), draft);
  };
  return (
    <FormDialog
      title={before ? `Edit ${info?.name}` : "Create a namespace"}
      action={before ? "Save" : "Create"}
      command={command}
      onClose={onClose}
      onSubmit={submit}
    >
      {!before && <TextField label="Name" name="name" required />}
      <TextField label="Description" name="description" defaultValue={info?.description ?? ""} />
      <TextField label="Owner's address" name="owner" defaultValue={info?.ownerEmail ?? ""} />
      <TextField
        {...{ label: "Days that closed workflows are kept", name: "days", type: "number", min: 1, step: "any" }}
        defaultValue={before ? retentionSeconds(before) / daySeconds : 3}
        required
      />
    </FormDialog>
  );
}
