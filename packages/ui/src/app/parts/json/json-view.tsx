import { CopyButton } from "../copy-button.tsx";

const charsMax = 200_000;

/** A value as indented JSON; text, whatever is in it. */
export function JsonView({ value, label }: { readonly value: unknown; readonly label: string }) {
  if (value === undefined) return <p className="faint">nothing</p>;
  const text = JSON.stringify(value, null, 2) ?? "";
  const shown =
    text.length > charsMax
      ? `${text.slice(0, charsMax)}\n… ${text.length - charsMax} more characters; copy it to see all`
      : text;
  return (
    <div className="json">
      <CopyButton text={text} label={`Copy ${label}`} />
      <section aria-label={label}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        <pre tabIndex={0}>{shown}</pre>
      </section>
    </div>
  );
}
