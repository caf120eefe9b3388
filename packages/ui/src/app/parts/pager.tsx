import { Link } from "@tanstack/react-router";

interface PagerProps {
  /** The token of the page that is shown; `undefined` for the first. */
  readonly after: string | undefined;
  readonly next: string | undefined;
}

/** Leads through the pages of a list whose address has nothing else in its search. */
export function Pager({ after, next }: PagerProps) {
  return (
    <nav className="pager" aria-label="Pages of the list">
      {after !== undefined && (
        <Link to="." search={{}}>
          ← First
        </Link>
      )}
      {next !== undefined && next !== "" && (
        <Link to="." search={{ after: next }}>
          More →
        </Link>
      )}
    </nav>
  );
}
