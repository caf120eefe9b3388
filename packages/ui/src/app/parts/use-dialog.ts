/** Which dialog of a page is open, if any; when one closes, what the page shows is asked for again. */
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

export interface DialogState<Name> {
  readonly open: Name | undefined;
  readonly show: (name: Name) => void;
  readonly close: () => void;
}

/** `stale` begins the keys of all queries that the dialogs change. */
export function useDialog<Name>(stale: QueryKey): DialogState<Name> {
  const [open, setOpen] = useState<Name | undefined>();
  const client = useQueryClient();
  const close = () => {
    setOpen(undefined);
    void client.invalidateQueries({ queryKey: stale });
  };
  return { open, show: (name) => setOpen(() => name), close };
}
