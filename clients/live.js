// Talk to a running server as graphql-ws and graphql-sse do: node live.js http://127.0.0.1:8000/graphql

import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import WebSocket from "ws";

const url = process.argv[2];

function ws(connectionParams) {
  const socket = url.replace(/^http/, "ws");
  return createWsClient({ url: socket, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
}

function sse(headers) {
  return createSseClient({ url, headers, retryAttempts: 0 });
}

/** All that an operation comes to: its results, and how it ends. */
function outcome(client, query) {
  return new Promise((resolve) => {
    const results = [];
    client.subscribe(
      { query },
      {
        next: (result) => results.push(result),
        error: (error) => resolve({ results, error }),
        complete: () => resolve({ results }),
      },
    );
  });
}

function codes(errors) {
  return errors.map((error) => error.extensions.code).join();
}

const typename = '[{"data":{"__typename":"Query"}}]';
const checks = {
  "a query by WebSocket": async () => JSON.stringify((await outcome(ws(), "{__typename}")).results) === typename,
  "a query by events": async () => JSON.stringify((await outcome(sse(), "{__typename}")).results) === typename,
  "two operations of one socket": async () => {
    const client = ws();
    const outcomes = await Promise.all([outcome(client, "{nothing}"), outcome(client, "{__typename}")]);
    return codes(outcomes[0].error) === "GRAPHQL_VALIDATION_FAILED" && JSON.stringify(outcomes[1].results) === typename;
  },
  "a syntax error by WebSocket": async () => codes((await outcome(ws(), "{")).error) === "GRAPHQL_PARSE_FAILED",
  "a syntax error by events": async () => {
    const { results, error } = await outcome(sse(), "{");
    return error === undefined && codes(results[0].errors) === "GRAPHQL_PARSE_FAILED";
  },
  "a mutation by WebSocket": async () => {
    const { results } = await outcome(ws(), "mutation {logOut(input: {}) {endedSessions}}");
    return results[0].data === null && codes(results[0].errors) === "UNAUTHENTICATED";
  },
  "a bad token by WebSocket": async () => {
    const { error } = await outcome(ws({ authorization: "Bearer x" }), "{__typename}");
    return error.code === 4403;
  },
  "a bad token by events": async () => {
    const { results } = await outcome(sse({ Authorization: "Bearer x" }), "{__typename}");
    return codes(results[0].errors) === "UNAUTHENTICATED";
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if (!(await check())) {
    failed += 1;
    console.log(`failed: ${name}`);
  }
}
const all = Object.keys(checks).length;
console.log(`${all - failed} of ${all} checks are ok.`);
process.exit(failed === 0 ? 0 : 1);
