// Who is logged in, and what begins and ends that.

import type { ApolloClient } from "@apollo/client";
import { ApolloProvider } from "@apollo/client/react";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

import { apolloClient } from "./apollo";
import { useConnection } from "./connection";
import { graphql } from "./gql";
import type { LogInMutation } from "./gql/graphql";
import { session, type Tokens } from "./session";

const LogOut = graphql(`
  mutation LogOut {
    logOut(input: {}) { endedSessions }
  }
`);

const Ping = graphql(`
  query Ping {
    __typename
  }
`);

export type Viewer = NonNullable<LogInMutation["logIn"]["viewer"]>;

interface State {
  viewer: Viewer | null;
  /** Whether a session ended without its user's doing. */
  isOver: boolean;
  client: ApolloClient;
}

interface Current extends State {
  logIn(tokens: Tokens, viewer: Viewer): void;
  logOut(): void;
}

const Context = createContext<Current | null>(null);

export const useViewer = () => useContext(Context)!;

/** The last data that there was: whoever logs in or out goes on reading, until there is that of the new client. */
export function useLast<Data>(data: Data | undefined): Data | undefined {
  const [last, setLast] = useState(data);
  if (data && data !== last) setLast(data);
  return data ?? last;
}

/**
 * Both tokens are in memory, so a reload logs out. To stay logged in, weigh where the refresh token goes: a cookie that
 * no script reads (HttpOnly, SameSite=Strict), which needs a small server of your own to send it on, is safe from
 * scripts that should not be there; `localStorage` is not. Windows that share it must not renew at the same time.
 */
export function Session({ children }: { children: ReactNode }) {
  // What is in a cache, and whom a socket is open for, is somebody's: whoever comes next has a client of their own.
  const begun = (viewer: Viewer | null, isOver = false): State => ({ viewer, isOver, client: apolloClient(over) });
  const [state, setState] = useState(() => begun(null));
  const { client } = state;

  function over() {
    if (!session.headers().Authorization) return;
    session.end();
    setState(begun(null, true));
  }

  function logIn(tokens: Tokens, viewer: Viewer) {
    session.begin(tokens);
    setState(begun(viewer));
  }

  async function logOut() {
    // Here it ends in any case.
    await client.mutate({ mutation: LogOut }).catch(() => {});
    session.end();
    setState(begun(null));
  }

  const { isAway } = useConnection();
  useEffect(() => {
    // A query is sent until it is answered, and then the server is back.
    if (isAway) client.query({ query: Ping, fetchPolicy: "network-only" }).catch(() => {});
  }, [isAway, client]);

  return (
    <Context value={{ ...state, logIn, logOut }}>
      <ApolloProvider client={client}>{children}</ApolloProvider>
    </Context>
  );
}
