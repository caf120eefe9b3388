/** What stands where there is nothing to show: nothing yet, nothing found, or something wrong. */
import type { ReactNode } from "react";
import { ApiError } from "../api/ask.ts";
import { MissingNamespace } from "./missing.tsx";

export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="notice">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface ProblemProps {
  readonly error: Error;
  readonly onRetry?: () => unknown;
  /** Stands for an error that says that what was asked for is not there. */
  readonly missing?: ReactNode;
}

export function Problem({ error, onRetry, missing }: ProblemProps) {
  return (
    <div className="notice problem" role="alert">
      {whatIsWrong(error, missing)}
      {onRetry && (
        <button type="button" onClick={() => void onRetry()}>
          Try again
        </button>
      )}
    </div>
  );
}

function whatIsWrong(error: Error, missing: ReactNode): ReactNode {
  const { status, missingNamespace } = error instanceof ApiError ? error : new ApiError(500, error.message);
  if (missingNamespace !== undefined) return <MissingNamespace namespace={missingNamespace} />;
  if (status === 404 && missing) return missing;
  return (
    <>
      <h2>{status === 0 ? "Disconnected" : "That did not work"}</h2>
      <p className="breakable">{error.message}</p>
      {status === 0 && <p>This page goes on by itself when the server is back.</p>}
    </>
  );
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <div className="notice" role="status">
      <p className="faint">Loading {what}…</p>
    </div>
  );
}

/** Above what was read before the server went away. */
export function Stale() {
  return (
    <p className="disconnected" role="alert">
      The server does not answer; this is how it was last seen.
    </p>
  );
}
