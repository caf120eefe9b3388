/** Named filters above the list. */
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { workflowsRoute } from "../addresses.ts";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { useRemembered } from "../parts/remembered.ts";
import { givenViews, isShown, nameCharsMax, savedViews, type View, viewSearch, withView } from "./views.ts";

export function ViewBar() {
  const search = workflowsRoute.useSearch();
  const saved = useRemembered(savedViews);
  const [isSaving, setIsSaving] = useState(false);
  const shown = viewSearch(search);
  const own = saved.find((view) => isShown(view, shown));
  const remove = ({ name }: View) => savedViews.set(saved.filter((view) => view.name !== name));
  return (
    <nav aria-label="Views" className="views">
      {[...givenViews(new Date()), ...saved].map((view) => (
        <Link
          key={`${saved.includes(view)}${view.name}`}
          from={workflowsRoute.id}
          search={view.search}
          activeOptions={{ exact: true }}
          className="tab"
          aria-current={isShown(view, shown) ? "true" : undefined}
        >
          {view.name}
        </Link>
      ))}
      <button type="button" className="quiet" onClick={() => setIsSaving(true)}>
        Save this view
      </button>
      {own && (
        <button type="button" className="quiet" onClick={() => remove(own)}>
          Delete “{own.name}”
        </button>
      )}
      {isSaving && (
        <FormDialog
          title="Save this view"
          action="Save"
          command={undefined}
          onClose={() => setIsSaving(false)}
          onSubmit={async (fields) =>
            savedViews.set(withView(saved, { name: textField(fields, "name"), search: shown }))
          }
        >
          <p>Filter, status, columns and order, for this browser. To give it to somebody else, send the address.</p>
          <label>
            Name
            <input name="name" required maxLength={nameCharsMax} defaultValue={own?.name ?? ""} autoComplete="off" />
          </label>
        </FormDialog>
      )}
    </nav>
  );
}
