// Whether the server answers, as requests and the socket have found it last.

import { useSyncExternalStore } from "react";

/** `opened` counts how often the socket came to be: whoever follows something may have missed what was told before. */
let state = { isAway: false, opened: 0 };
const listeners = new Set<() => void>();

function become(changed: Partial<typeof state>): void {
  state = { ...state, ...changed };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export const connection = {
  lost: () => state.isAway || become({ isAway: true }),
  found: () => state.isAway && become({ isAway: false }),
  opened: () => become({ isAway: false, opened: state.opened + 1 }),
};

export const useConnection = () => useSyncExternalStore(subscribe, () => state);
