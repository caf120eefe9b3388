/** Search attributes: what workflows of this namespace can be found by. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { searchAttributesRoute } from "../addresses.ts";
import {
  addSearchAttribute,
  attributeTypes,
  listSearchAttributes,
  removeSearchAttribute,
} from "../api/search-attributes.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { ChoiceField, TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { ListPage } from "../parts/list-page.tsx";
import { Empty } from "../parts/notice.tsx";
import type { Column } from "../parts/table.tsx";
import { useDialog } from "../parts/use-dialog.ts";

interface Attribute {
  readonly name: string;
  readonly type: string;
  readonly isOwn: boolean;
}

type Dialog = { readonly type: "add" } | { readonly type: "remove"; readonly name: string };

const refreshMs = 5_000;

export function SearchAttributesPage() {
  const { namespace } = searchAttributesRoute.useParams();
  const list = useQuery({
    queryKey: ["search-attributes", namespace],
    queryFn: ({ signal }) => listSearchAttributes(namespace, signal),
    refetchInterval: refreshMs,
  });
  const dialog = useDialog<Dialog>(["search-attributes", namespace]);
  const columns = useMemo(() => [...factColumns, removeColumn(dialog.show)], [dialog.show]);
  const rows = useMemo(() => {
    const { customAttributes = {}, systemAttributes = {} } = list.data ?? {};
    return [...attributesOf(customAttributes, true), ...attributesOf(systemAttributes, false)];
  }, [list.data]);
  return (
    <>
      <ListPage
        title="Search attributes"
        actions={
          <button type="button" onClick={() => dialog.show({ type: "add" })}>
            Add a search attribute
          </button>
        }
        list={list}
        rows={rows}
        keyOf={({ name }) => name}
        columns={columns}
        empty={<Empty title="No search attributes" />}
      />
      {dialog.open?.type === "add" && <AddDialog namespace={namespace} onClose={dialog.close} />}
      {dialog.open?.type === "remove" && (
        <RemoveDialog namespace={namespace} name={dialog.open.name} onClose={dialog.close} />
      )}
    </>
  );
}

const factColumns: readonly Column<Attribute>[] = [
  { title: "Name", cell: ({ name }) => name, value: ({ name }) => name, look: "breakable" },
  { title: "Type", cell: ({ type }) => type, value: ({ type }) => type },
  {
    title: "Whose",
    cell: ({ isOwn }) => (isOwn ? "this namespace's" : <span className="faint">everybody's</span>),
    value: ({ isOwn }) => (isOwn ? 0 : 1),
  },
];

function removeColumn(onDialog: (dialog: Dialog) => void): Column<Attribute> {
  return {
    id: "actions",
    title: "",
    cell: ({ name, isOwn }) =>
      isOwn && (
        <button type="button" className="quiet" onClick={() => onDialog({ type: "remove", name })}>
          Remove<span className="hidden"> {name}</span>
        </button>
      ),
  };
}

function attributesOf(attributes: Readonly<Record<string, string>>, isOwn: boolean): Attribute[] {
  return Object.entries(attributes)
    .map(([name, type]) => ({ name, type: typeWord(type), isOwn }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** `INDEXED_VALUE_TYPE_KEYWORD_LIST` as it is written in commands: `KeywordList`. */
function typeWord(type: string): string {
  const wanted = type.replace("INDEXED_VALUE_TYPE_", "").replaceAll("_", "").toLowerCase();
  return attributeTypes.find((known) => known.toLowerCase() === wanted) ?? type;
}

interface DialogProps {
  readonly namespace: string;
  readonly onClose: () => void;
}

function AddDialog({ namespace, onClose }: DialogProps) {
  return (
    <FormDialog
      title="Add a search attribute"
      action="Add"
      command={(fields) =>
        pawlCommand(["search-attribute", "create"], {
          ...{ namespace, name: textField(fields, "name"), type: textField(fields, "type") },
        })
      }
      onClose={onClose}
      onSubmit={(fields) => addSearchAttribute(namespace, textField(fields, "name"), textField(fields, "type"))}
    >
      <TextField label="Name" name="name" required />
      <ChoiceField label="Type" name="type" choices={Object.fromEntries(attributeTypes.map((type) => [type, type]))} />
    </FormDialog>
  );
}

function RemoveDialog({ namespace, name, onClose }: DialogProps & { readonly name: string }) {
  return (
    <FormDialog
      title={`Remove ${name}?`}
      action="Remove"
      isDangerous
      command={pawlCommand(["search-attribute", "remove"], { namespace, name, yes: true })}
      onClose={onClose}
      onSubmit={() => removeSearchAttribute(namespace, name)}
    >
      <p>Workflows are not found by it any more, and code that sets it is refused.</p>
    </FormDialog>
  );
}
