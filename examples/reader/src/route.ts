// Two pages need no router: `#/` is the list, `#/posts/SLUG` a post.

import { useSyncExternalStore } from "react";

function subscribe(listener: () => void) {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export const linkTo = (slug: string) => `#/posts/${encodeURIComponent(slug)}`;

/** The slug of the post to show, or null for the list. */
export function useSlug(): string | null {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const slug = /^#\/posts\/(.+)$/.exec(hash)?.[1];
  return slug ? decodeURIComponent(slug) : null;
}
