import type { ExecutionResult } from "graphql";

export interface Request {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
}

export interface Sink {
  next(result: any): void;
  error(problem: any): void;
  complete(): void;
}

export interface Live {
  /** Returns what ends it. */
  subscribe(request: Request, sink: Sink): () => void;
}

/** Let a client say, whenever it comes back, which event came last. */
export function resuming<Client extends Live>(client: Client): Client {
  function subscribe(given: Request, sink: Sink) {
    const request = { ...given, variables: { ...given.variables } };
    return client.subscribe(request, {
      next(result: ExecutionResult<Record<string, { eventId?: string } | null>>) {
        const [event] = Object.values(result.data ?? {});
        if (event?.eventId) request.variables.after = event.eventId;
        sink.next(result);
      },
      error: (problem) => sink.error(problem),
      complete: () => sink.complete(),
    });
  }
  return { ...client, subscribe };
}

/** Wait before another attempt: not all clients at the same moment, and 30 seconds at most. */
export function pause(attempts: number): Promise<void> {
  const most = Math.min(1000 * 2 ** attempts, 30_000);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * most));
}
