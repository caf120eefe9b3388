import { useEffect, useState } from "react";

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timeout = setTimeout(() => setState("idle"), 1_500);
    return () => clearTimeout(timeout);
  }, [state]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setState("copied"),
      () => setState("refused"),
    );
  return (
    <button type="button" className="quiet copy" aria-label={label} title={label} onClick={() => void copy()}>
      {state === "idle" ? "Copy" : state === "copied" ? "Copied" : "Not allowed"}
    </button>
  );
}
