/** The query of the list, as text and as rows of conditions. */

import { useState } from "react";
import { workflowsRoute } from "../addresses.ts";
import { FilterForm } from "../parts/form/filter-form.tsx";
import { remembered, useRemembered } from "../parts/remembered.ts";
import type { Attribute } from "./attributes.ts";
import { isQuery, queryOfText } from "./filter.ts";
import { FilterBuilder } from "./filter-builder.tsx";

const isBuilderShown = remembered<boolean>({
  key: "filter-builder",
  read: (kept) => (typeof kept === "boolean" ? kept : undefined),
  otherwise: false,
});

interface FilterBoxProps {
  readonly text: string;
  readonly attributes: readonly Attribute[];
}

export function FilterBox({ text, attributes }: FilterBoxProps) {
  const navigate = workflowsRoute.useNavigate();
  const isShown = useRemembered(isBuilderShown);
  const [typed, setTyped] = useState(text);
  const [seen, setSeen] = useState(text);
  if (seen !== text) {
    setSeen(text);
    setTyped(text);
  }
  const ask = (query: string) =>
    void navigate({
      search: ({ after: _, query: __, ...kept }) => ({ ...kept, ...(query !== "" && { query }) }),
    });
  const meaning = typed.trim() !== "" && !isQuery(typed) ? queryOfText(typed.trim()) : "";
  return (
    <search>
      <FilterForm
        label="Filter workflows"
        placeholder="Beginning of an id or type, or a query: WorkflowType = 'Order' AND StartTime > '2026-01-01T00:00:00Z'"
        typed={typed}
        onType={setTyped}
        onApply={ask}
      >
        <button type="button" aria-pressed={isShown} onClick={() => isBuilderShown.set(!isShown)}>
          Conditions
        </button>
        {meaning !== "" && <p className="faint meaning">{meaning}</p>}
      </FilterForm>
      {isShown && <FilterBuilder text={text} attributes={attributes} onChange={ask} />}
    </search>
  );
}
