import { createClient } from "graphql-ws";

import { pause, resuming } from "./resuming";
import { API, session } from "./session";

const FORBIDDEN = 4403;

export function liveClient() {
  let isRefused = false;
  return resuming(
    createClient({
      url: API.replace(/^http/, "ws"),
      connectionParams: async () => {
        // If it cannot be renewed right now, the next attempt may.
        if (isRefused && !(await session.renew().catch(() => true))) throw new Error("The session is over: log in.");
        return session.headers();
      },
      on: { closed: (event) => void (isRefused = (event as CloseEvent).code === FORBIDDEN) },
      // What is thrown above is final.
      shouldRetry: (problem) => !(problem instanceof Error),
      retryAttempts: Infinity,
      retryWait: pause,
    }),
  );
}
