/** What stands where there is nothing to show: nothing yet, nothing found, or something wrong. */
import type { ReactNode } from "react";
import { ApiError } from "../api/ask.ts";

export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="notice">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Problem({ error, onRetry }: { readonly error: Error; readonly onRetry?: () => unknown }) {
  const isGone = error instanceof ApiError && error.status === 0;
  return (
    <div className="notice problem" role="alert">
      <h2>{isGone ? "Disconnected" : "That did not work"}</h2>
      <p className="breakable">{error.message}</p>
      {isGone && <p>This page goes on by itself when the server is back.</p>}
      {onRetry && (
        <button type="button" onClick={() => void onRetry()}>
          Try again
        </button>
      )}
    </div>
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
