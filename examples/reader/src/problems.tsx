// What is shown while there is nothing to show, and where something went wrong.

import { isAway } from "./apollo";

/** What to tell whoever wrote something that was not taken; null where it was. */
export function problemOf(userErrors: { message: string }[] | undefined, error?: unknown): string | null {
  if (error) return isAway(error) ? "The server does not answer. Nothing is lost: try again." : (error as Error).message;
  return userErrors?.length ? userErrors.map(({ message }) => message).join(" ") : null;
}

export function Problem({ error, onRetry }: { error: Error; onRetry: () => void }) {
  return (
    <div className="state" role="alert">
      <h2>That did not work</h2>
      <p>{error.message}</p>
      <button onClick={onRetry}>Try again</button>
    </div>
  );
}

/** Grey lines where text will be. */
export function Loading({ what, blocks = 1 }: { what: string; blocks?: number }) {
  return (
    <div className="loading" role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: blocks }, (_, number) => (
        <div key={number} aria-hidden="true"><i /><i /><i /></div>
      ))}
    </div>
  );
}
