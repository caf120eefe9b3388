/** Which dialog of a page is open, if any; when one closes, what the page shows is asked for again. */
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";

export interface DialogState<Name> {
  readonly open: Name | undefined;
  /** The same one as long as the page is there. */
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
  const show = useCallback((name: Name) => setOpen(() => name), []);
  return { open, show, close };
}
