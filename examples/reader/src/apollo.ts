// The client of docs/clients.md, which besides says when the server is away, and asks again until it is back.

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { RetryLink } from "@apollo/client/link/retry";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { from, map, switchMap, tap, throwError } from "rxjs";

import { pagesOfComments } from "./commentCache";
import { connection } from "./connection";
import { liveClient } from "./live";
import { session } from "./session";

const typePolicies = {
  Query: { fields: { posts: relayStylePagination(["filter", "orderBy"]) } },
  Post: { fields: { comments: pagesOfComments } },
};

/** Whether one of an answer's errors has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return CombinedGraphQLErrors.is(error) && error.errors.some(({ extensions }) => extensions?.code === code);
}

/** Whether it is no answer of the API, but something on the way to it. */
export const isAway = (error: unknown) => !CombinedGraphQLErrors.is(error);

const authorization = new SetContextLink(({ headers }) => ({ headers: { ...headers, ...session.headers() } }));

const renewal = new ErrorLink(({ error, operation, forward }) => {
  if (!hasCode(error, "UNAUTHENTICATED") || operation.getContext().isRenewed) return;
  operation.setContext({ isRenewed: true });
  return from(session.renew()).pipe(
    switchMap((isRenewed) => (isRenewed ? forward(operation) : throwError(() => error))),
  );
});

const watch = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    map((result) => {
      if (result.errors?.some(({ extensions }) => extensions?.code === "SERVICE_UNAVAILABLE")) {
        throw new Error("The database is away.");
      }
      return result;
    }),
    tap({ next: connection.found, error: (error) => void (isAway(error) && connection.lost()) }),
  ),
);

/** Queries wait for the server. A mutation is not sent again unless somebody says so. */
const patience = new RetryLink({
  delay: { initial: 500, max: 5000, jitter: true },
  attempts(_, operation, error) {
    // The token may have expired by the time that it is sent again.
    operation.setContext({ isRenewed: false });
    return operation.operationType === OperationTypeNode.QUERY && isAway(error);
  },
});

const NORMAL = 1000;
const FORBIDDEN = 4403;

/** A client for whoever the session is of. It tells when that is over. */
export function apolloClient(onOver: () => void) {
  const live = liveClient();
  live.on("connected", connection.opened);
  live.on("closed", (event) => {
    const { code } = event as CloseEvent;
    if (code !== NORMAL && code !== FORBIDDEN) connection.lost();
  });
  const end = new ErrorLink(({ error }) => {
    if (hasCode(error, "UNAUTHENTICATED")) onOver();
  });
  return new ApolloClient({
    cache: new InMemoryCache({ typePolicies }),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(live),
      ApolloLink.from([end, patience, renewal, watch, authorization, new HttpLink({ uri: "/graphql" })]),
    ),
  });
}
