import { CopyButton } from "./copy-button.tsx";

/** The command line that does what a form does. */
export function CommandView({ command }: { readonly command: string }) {
  return (
    <div className="command">
      <code>{command}</code>
      <CopyButton text={command} label="Copy the command" />
    </div>
  );
}
