// What GraphiQL asks the API by.

import { ask, isUnauthenticated, refusal, send } from "./http.js";
import { follow } from "./live.js";

/** A fetcher for whoever is logged in. An Authorization in the Headers tab counts in place of the log-in. */
export function fetcherFor(account) {
  return (operation, { headers } = {}) => {
    const given = new Headers(headers);
    return isSubscription(operation) ? followed(operation, given, account) : answered(operation, given, account);
  };
}

async function answered(operation, given, account) {
  const answer = await ask(operation, await authorized(given, account));
  if (given.has("authorization") || !isUnauthenticated(answer) || !(await account.renew())) {
    return answer;
  }
  return ask(operation, await authorized(given, account));
}

/** An observable: GraphiQL can end one while no event comes, which it cannot with an async generator. */
function followed(operation, given, account) {
  const isOwn = given.has("authorization");
  const wasLoggedIn = account.username() !== null;
  const open = async (position, signal) => {
    const headers = await authorized(given, account);
    if (!isOwn && wasLoggedIn && account.username() === null) {
      // It is not to go on as a stranger's without a word.
      return Response.json(refusal("You have logged out."));
    }
    headers.set("accept", "text/event-stream");
    if (position) {
      headers.set("last-event-id", position);
    }
    return send(operation, headers, signal);
  };
  return {
    subscribe(sink) {
      const stop = new AbortController();
      follow(open, isOwn ? sink : watched(sink, account), stop.signal);
      return { unsubscribe: () => stop.abort() };
    },
  };
}

/** A session that was ended elsewhere is over here, too. */
function watched(sink, account) {
  const next = (result) => {
    if (isUnauthenticated(result)) {
      account.renew();
    }
    sink.next(result);
  };
  return { next, complete: () => sink.complete() };
}

async function authorized(given, account) {
  const headers = new Headers(given);
  const token = headers.has("authorization") ? null : await account.token();
  if (token) {
    headers.set("authorization", `Bearer ${token}`);
  }
  return headers;
}

function isSubscription({ query, operationName }) {
  try {
    const chosen = GraphiQL.GraphQL.getOperationAST(GraphiQL.GraphQL.parse(query), operationName);
    return chosen?.operation === "subscription";
  } catch {
    return false; // The API says what is wrong with it.
  }
}
