/** A line in which a list's filter is typed. */
import type { FormEvent, ReactNode } from "react";

export function FilterForm({
  label,
  placeholder,
  typed,
  onType,
  onApply,
  children,
}: {
  label: string;
  placeholder: string;
  typed: string;
  onType: (typed: string) => void;
  /** Takes what was typed, without the spaces around it. */
  onApply: (text: string) => void;
  children?: ReactNode;
}) {
  const apply = (event: FormEvent) => {
    event.preventDefault();
    onApply(typed.trim());
  };
  return (
    <form className="filter" onSubmit={apply}>
      <input
        data-shortcut="filter"
        value={typed}
        onChange={(event) => onType(event.target.value)}
        aria-label={label}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
      />
      <button type="submit">Filter</button>
      {children}
    </form>
  );
}
